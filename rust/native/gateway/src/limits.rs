//! How much each key and each tenant may use, and what it uses now.

mod bucket;
mod day;
mod most;
mod rate;
mod uncounted;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use midstream_series::Timestamp;

use self::bucket::{Bucket, Refused};
use self::day::Day;
use self::most::Amount;
pub(crate) use self::most::{Answers, Most};
use self::rate::Rate;
pub(crate) use self::uncounted::is_uncounted;
use crate::access::Key;
use crate::config::{Config, LimitsConfig};
use crate::fault::Fault;
use crate::usage::{UsageRecord, spent_since};

/// Of all keys and tenants that are limited.
#[derive(Default)]
pub(crate) struct Limits {
    keys: BTreeMap<String, Arc<Allowance>>,
    tenants: BTreeMap<String, Arc<Allowance>>,
}

/// What one key or tenant may use.
struct Allowance {
    /// `the key "alice"`.
    whose: String,
    config: LimitsConfig,
    requests: Option<Rate>,
    taken: Mutex<Taken>,
}

struct Taken {
    running: u64,
    minute: Option<Bucket>,
    day: Day,
}

/// A request that runs within its limits: dropping it makes room for another.
#[derive(Default)]
pub(crate) struct Admission {
    held: Vec<Held>,
}

struct Held {
    allowance: Arc<Allowance>,
    reserved: Reserved,
}

/// What a request holds until it ends.
#[derive(Clone, Copy)]
struct Reserved {
    day: Amount,
    /// Tokens of the minute.
    minute: u64,
}

impl Limits {
    /// Those of a configuration. Who was limited before under the same name and limits goes on as it stands; who has other
    /// limits has used of the day what was used before.
    pub(crate) fn of(config: &Config, before: Option<&Self>, now: Timestamp) -> Self {
        let made = |kind: &str, name: &String, limits: &LimitsConfig, old: Option<&Arc<Allowance>>| {
            let kept = old.filter(|old| old.config == *limits).map(Arc::clone);
            let day = || old.map(|old| old.taken().day.used()).unwrap_or_default();
            let anew = || Allowance::new(format!("the {kind} {name:?}"), limits, day(), now).map(Arc::new);
            kept.or_else(anew).map(|allowance| (name.clone(), allowance))
        };
        let keys = config.keys.iter();
        let tenants = config.tenants.iter();
        Self {
            keys: keys
                .filter_map(|(name, key)| {
                    made("key", name, &key.limits, before.and_then(|before| before.keys.get(name)))
                })
                .collect(),
            tenants: tenants
                .filter_map(|(name, tenant)| {
                    made("tenant", name, &tenant.limits, before.and_then(|before| before.tenants.get(name)))
                })
                .collect(),
        }
    }

    /// Whether anybody has a budget of a day who had none before.
    pub(crate) fn begins_a_day(&self, before: &Self) -> bool {
        let (keys, tenants) =
            (beginning(&self.keys, Some(&before.keys)), beginning(&self.tenants, Some(&before.tenants)));
        !keys.is_empty() || !tenants.is_empty()
    }

    /// Takes what a file says was used today by those who had no budget of a day before.
    pub(crate) fn restore(&self, file: &Path, unix_s: u64, before: Option<&Self>) -> io::Result<()> {
        let keys = beginning(&self.keys, before.map(|before| &before.keys));
        let tenants = beginning(&self.tenants, before.map(|before| &before.tenants));
        if keys.is_empty() && tenants.is_empty() {
            return Ok(());
        }
        // The file has what was used before under other limits too.
        keys.values().chain(tenants.values()).for_each(|allowance| allowance.taken().day = Day::default());
        let midnight = unix_s - unix_s % day::SECONDS;
        spent_since(file, midnight as f64, |spent| {
            let of_key = spent.key.as_deref().and_then(|key| keys.get(key));
            let of_tenant = spent.tenant.as_deref().and_then(|tenant| tenants.get(tenant));
            for allowance in [of_key, of_tenant].into_iter().flatten() {
                allowance.taken().day.take(spent.tokens(), spent.cost(), spent.at as u64);
            }
        })
    }

    /// Takes what a stream used that nobody ended.
    pub(crate) fn take(&self, record: &UsageRecord) {
        let of_key = record.key.as_deref().and_then(|key| self.keys.get(key));
        let of_tenant = record.tenant.as_deref().and_then(|tenant| self.tenants.get(tenant));
        for allowance in [of_key, of_tenant].into_iter().flatten() {
            let (tokens, cost) = (record.tokens.all(), record.cost.unwrap_or_default());
            allowance.taken().day.take(tokens, cost, record.at as u64);
        }
    }

    /// Lets a request begin that may use so much, or says how long it has to wait. One that is refused takes nothing, of
    /// nobody's allowance.
    pub(crate) fn admit(
        &self,
        key: Option<&Key>,
        most: &Most,
        now: Timestamp,
        unix_s: u64,
    ) -> Result<Admission, Fault> {
        let of_key = key.and_then(|key| self.keys.get(&key.name));
        let of_tenant = key.and_then(|key| self.tenants.get(key.tenant()?));
        let mut admission = Admission::default();
        for allowance in [of_tenant, of_key].into_iter().flatten() {
            match allowance.begin(most, now, unix_s) {
                Ok(reserved) => admission.held.push(Held { allowance: Arc::clone(allowance), reserved }),
                Err(fault) => {
                    admission.held.iter().for_each(|held| held.allowance.give_rate_back());
                    return Err(fault);
                }
            }
        }
        Ok(admission)
    }
}

/// Those who have a budget of a day and had none before.
fn beginning<'a>(
    now: &'a BTreeMap<String, Arc<Allowance>>,
    before: Option<&BTreeMap<String, Arc<Allowance>>>,
) -> BTreeMap<&'a str, &'a Allowance> {
    let had_one = |name: &String| before.and_then(|before| before.get(name)).is_some_and(|old| old.counts_days());
    let begin = now.iter().filter(|(name, allowance)| allowance.counts_days() && !had_one(name));
    begin.map(|(name, allowance)| (name.as_str(), &**allowance)).collect()
}

impl Allowance {
    fn new(whose: String, config: &LimitsConfig, day: Day, now: Timestamp) -> Option<Self> {
        if config.is_none() {
            return None;
        }
        let minute = config.tokens_per_min.map(|tokens| Bucket::new(tokens, now));
        Some(Self {
            whose,
            config: config.clone(),
            requests: config.requests_per_min.and_then(Rate::per_min),
            taken: Mutex::new(Taken { running: 0, minute, day }),
        })
    }

    fn counts_days(&self) -> bool {
        self.config.tokens_per_day.is_some() || self.config.cost_per_day.is_some()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All or nothing.
    fn begin(&self, most: &Most, now: Timestamp, unix_s: u64) -> Result<Reserved, Fault> {
        let mut taken = self.taken();
        let Taken { running, minute, day } = &mut *taken;
        if let Some(most) = self.config.concurrent.filter(|most| *running >= *most) {
            let wait = Refused::Wait(Duration::from_secs(1));
            return Err(self.refused("midstream_too_many_streams", &format!("run {most} requests at a time"), wait));
        }
        let of_day = day.reserve(most, &self.config, unix_s).map_err(|(what, wait)| self.used_up(what, wait))?;
        let (needed, wished) = (most.needed.tokens, most.wished.tokens);
        let of_minute = minute.as_mut().map_or(Ok(0), |minute| minute.reserve(needed, wished, now));
        let admitted = of_minute.map_err(|wait| self.too_many_tokens(wait)).and_then(|reserved| {
            let checked = self.check_rate().inspect_err(|_| {
                if let Some(minute) = minute {
                    minute.give_back(reserved);
                }
            });
            checked.map(|()| Reserved { day: of_day, minute: reserved })
        });
        match &admitted {
            Ok(_) => *running += 1,
            Err(_) => day.give_back(of_day),
        }
        admitted
    }

    fn check_rate(&self) -> Result<(), Fault> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.take().map_err(|wait| {
            let most = self.config.requests_per_min.unwrap_or_default();
            self.refused("midstream_rate_limited", &format!("make {most} requests a minute"), Refused::Wait(wait))
        })
    }

    fn give_rate_back(&self) {
        self.requests.iter().for_each(Rate::give_back);
    }

    fn too_many_tokens(&self, wait: Refused) -> Fault {
        let most = self.config.tokens_per_min.unwrap_or_default();
        self.refused("midstream_rate_limited", &format!("use {most} tokens a minute"), wait)
    }

    fn used_up(&self, what: &str, wait: Refused) -> Fault {
        let LimitsConfig { tokens_per_day, cost_per_day, .. } = &self.config;
        let most = match what {
            "cost" => format!("use {} in cost a day (UTC)", cost_per_day.unwrap_or_default()),
            _ => format!("use {} tokens a day (UTC)", tokens_per_day.unwrap_or_default()),
        };
        self.refused("midstream_budget_used", &most, wait)
    }

    fn refused(&self, kind: &'static str, most: &str, wait: Refused) -> Fault {
        let Self { whose, .. } = self;
        let (what, retry_after_s) = match wait {
            Refused::Never => ("the request's most tokens are more than that; ask for fewer".to_owned(), None),
            Refused::Wait(wait) => {
                let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
                (format!("ask again in {seconds} s"), Some(seconds))
            }
        };
        let message = format!("{whose} may {most}; {what}");
        Fault { retry_after_s, ..Fault::new(StatusCode::TOO_MANY_REQUESTS, kind, message) }
    }

    fn end(&self, reserved: Reserved) {
        let mut taken = self.taken();
        taken.running = taken.running.saturating_sub(1);
        taken.day.give_back(reserved.day);
        if let Some(minute) = &mut taken.minute {
            minute.give_back(reserved.minute);
        }
    }
}

impl Admission {
    /// So much was used.
    pub(crate) fn take(&self, tokens: u64, cost: f64, unix_s: u64) {
        for Held { allowance, .. } in &self.held {
            let mut taken = allowance.taken();
            taken.day.take(tokens, cost, unix_s);
            if let Some(minute) = &mut taken.minute {
                minute.take(tokens);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        for Held { allowance, reserved } in self.held.drain(..) {
            allowance.end(reserved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use crate::config::Role;

    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    struct Case {
        config: Config,
        limits: Limits,
        key: Arc<Key>,
    }

    fn case(more: &str) -> Case {
        let config = format!("[keys.alice]\nsha256 = \"{HASH}\"\n{more}");
        let config = Config::from_toml(config.as_bytes()).unwrap();
        let headers = [(http::header::AUTHORIZATION, "Bearer secret".parse().unwrap())].into_iter().collect();
        let key = Access::of(&config).check(&headers, &"/".parse().unwrap(), Role::Call).unwrap().unwrap();
        Case { limits: Limits::of(&config, None, at(0)), config, key }
    }

    impl Case {
        fn admit(&self, tokens: Option<u64>) -> Result<Admission, Fault> {
            self.limits.admit(Some(&self.key), &most(tokens), at(0), 0)
        }
    }

    /// Of a request without text that names so many tokens.
    fn most(tokens: Option<u64>) -> Most {
        let count = u64::from(tokens.is_some());
        Most::of(0, Answers { count, max_tokens: tokens }, |_, _| 0.0)
    }

    #[test]
    fn no_more_requests_run_at_a_time() {
        let case = case("limits = { concurrent = 1 }");
        let first = case.admit(None).unwrap();
        let fault = case.admit(None).err().unwrap();
        assert_eq!((fault.status, fault.retry_after_s), (StatusCode::TOO_MANY_REQUESTS, Some(1)));
        assert_eq!(fault.message, "the key \"alice\" may run 1 requests at a time; ask again in 1 s");
        drop(first);
        assert!(case.admit(None).is_ok());
    }

    #[test]
    fn no_more_requests_come_in_a_minute() {
        let case = case("limits = { requests_per_min = 2 }");
        assert!(case.admit(None).is_ok() && case.admit(None).is_ok());
        let fault = case.admit(None).err().unwrap();
        assert_eq!(fault.kind, "midstream_rate_limited");
        assert!((29..=30).contains(&fault.retry_after_s.unwrap()), "{fault:?}");
    }

    #[test]
    fn tokens_are_reserved_and_settled() {
        let case = case("limits = { tokens_per_min = 100 }");
        let first = case.admit(Some(80)).unwrap();
        assert_eq!(case.admit(Some(50)).err().unwrap().retry_after_s, Some(18));
        first.take(40, 0.0, 0);
        drop(first);
        assert!(case.admit(Some(50)).is_ok());
        let fault = case.admit(Some(101)).err().unwrap();
        assert_eq!((fault.status, fault.retry_after_s), (StatusCode::TOO_MANY_REQUESTS, None));
    }

    #[test]
    fn what_is_refused_takes_nothing() {
        let case = case("limits = { tokens_per_day = 100, tokens_per_min = 100, requests_per_min = 1 }");
        drop(case.admit(Some(1)).unwrap());
        assert_eq!(case.admit(Some(100)).err().unwrap().kind, "midstream_rate_limited");
        let taken = &mut *case.limits.keys["alice"].taken();
        assert!(taken.minute.as_mut().unwrap().reserve(100, 100, at(0)).is_ok());
        assert!(taken.day.reserve(&most(Some(100)), &case.limits.keys["alice"].config, 0).is_ok());
    }

    #[test]
    fn what_a_key_is_refused_takes_nothing_of_its_tenant() {
        let case = case(
            "tenant = \"blue\"\nlimits = { requests_per_min = 1 }\n\
            [tenants.blue.limits]\nrequests_per_min = 2\nconcurrent = 2\ntokens_per_min = 100\ntokens_per_day = 100",
        );
        drop(case.admit(Some(1)).unwrap());
        for _ in 0..50 {
            assert!(case.admit(Some(1)).err().unwrap().message.starts_with("the key \"alice\""));
        }
        let others = &case.limits.tenants["blue"];
        assert!(others.begin(&most(Some(100)), at(0), 0).is_ok());
    }

    #[test]
    fn requests_that_name_no_most_do_not_all_pass_at_once() {
        for limit in ["tokens_per_day = 100", "tokens_per_min = 100"] {
            let case = case(&format!("limits = {{ {limit} }}"));
            let most = Most::of(10, Answers { count: 1, max_tokens: None }, |_, _| 0.0);
            let admit = || case.limits.admit(Some(&case.key), &most, at(0), 0);
            let first = admit().unwrap();
            assert!((0..40).all(|_| admit().is_err()));
            first.take(20, 0.0, 0);
            drop(first);
            assert!(admit().is_ok(), "{limit}");
        }
    }

    #[test]
    fn the_keys_of_a_tenant_share_its_limits() {
        let case = case("tenant = \"blue\"\n[tenants.blue.limits]\ntokens_per_day = 10");
        case.admit(None).unwrap().take(10, 0.0, 0);
        let fault = case.admit(None).err().unwrap();
        assert_eq!(fault.message, "the tenant \"blue\" may use 10 tokens a day (UTC); ask again in 86400 s");
    }

    #[test]
    fn limits_that_stay_the_same_keep_what_was_used() {
        let case = case("limits = { tokens_per_day = 10 }");
        case.admit(None).unwrap().take(10, 0.0, 0);
        let reloaded = Limits::of(&case.config, Some(&case.limits), at(1));
        assert!(reloaded.admit(Some(&case.key), &most(None), at(1), 1).is_err());
    }

    #[test]
    fn limits_that_change_know_what_was_used_of_the_day() {
        let mut case = case("limits = { concurrent = 9 }");
        case.admit(None).unwrap().take(10, 0.0, 0);
        case.config.keys.get_mut("alice").unwrap().limits.tokens_per_day = Some(10);
        let reloaded = Limits::of(&case.config, Some(&case.limits), at(1));
        assert!(reloaded.begins_a_day(&case.limits) && !reloaded.begins_a_day(&reloaded));
        assert!(reloaded.admit(Some(&case.key), &most(None), at(1), 1).is_err());
    }
}
