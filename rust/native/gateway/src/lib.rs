//! A proxy between apps and models: bytes pass through unchanged, every stream runs under a guard, operators see it.

mod accept;
mod access;
mod admitted;
mod arrival;
mod attempts;
mod background;
mod beside;
mod body;
mod bom;
mod breaker;
mod case;
mod cause;
mod client;
mod config;
mod connecting;
mod continuation;
mod cors;
mod early;
mod edit;
mod endpoint;
mod fault;
mod finished;
mod flow;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod given;
mod half_closed;
mod haste;
mod hex;
mod host;
mod intake;
mod keepalive;
mod limits;
mod log;
mod manner;
mod member;
mod metrics;
mod moderation;
mod moderator;
mod norm;
mod observe;
mod own;
mod patience;
mod proxy;
mod reason;
mod seats;
mod sent;
mod server;
mod setup;
mod socket;
mod spelling;
mod splice;
mod store;
mod streams;
mod telemetry;
mod tls;
mod upstream;
mod usage;
mod viewers;
mod warnings;
mod watched;
mod whole;
mod wire;

pub use config::{
    ClientsConfig, Config, ConfigError, ContinuationConfig, CorsConfig, Fsync, KeyConfig, LimitsConfig, LogConfig,
    LogFormat, LogLevel, ModeratorConfig, ModeratorFormat, OnClientGone, OnModeratorFailure, OnStop, PrefillConfig,
    PrefillFormat, Role, RouteConfig, Secret, StoreConfig, TelemetryConfig, TenantConfig, TlsConfig, UpstreamConfig,
    UsageConfig, ViewersConfig,
};
pub use endpoint::Api;
pub use haste::Haste;
pub use log::{Lines, Log};
pub use observe::{Observed, Observer};
pub use server::{NoteError, ReloadError, Server, StartError};
pub use streams::{State, StreamId};
pub use telemetry::TelemetryError;
pub use tls::Certificate;
pub use viewers::embedded::{View, ViewError};
