//! A proxy between apps and models: bytes pass through unchanged, every stream runs under a guard, operators see it.

mod access;
mod attempts;
mod body;
mod config;
mod edit;
mod endpoint;
mod fault;
mod flow;
mod metrics;
mod norm;
mod own;
mod proxy;
mod server;
mod streams;
mod upstream;
mod watched;
mod whole;
mod wire;

pub use config::{Config, ConfigError, KeyConfig, OnClientGone, Role, RouteConfig, Secret, UpstreamConfig};
pub use endpoint::Api;
pub use server::{Server, StartError};
pub use streams::{State, StreamId};
