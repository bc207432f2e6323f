use std::sync::{Arc, Mutex, PoisonError};

use super::rule_set::RuleSet;
use super::settings::RuleSettings;
use crate::Error;

/// Rule sets kept for the next settings with the same rules.
const KEPT: usize = 4;

/// The sets asked for last, the latest last. To build one costs as much as to read megabytes by it, and settings are
/// often made anew for each stream.
static LATEST: Mutex<Vec<(Vec<RuleSettings>, Arc<RuleSet>)>> = Mutex::new(Vec::new());

/// The automaton of `rules`, built by `build` unless it is among the latest.
pub(super) fn shared(
    rules: &[RuleSettings],
    build: impl FnOnce() -> Result<RuleSet, Error>,
) -> Result<Arc<RuleSet>, Error> {
    if let Some(known) = latest(rules, None) {
        return Ok(known);
    }
    let built = Arc::new(build()?);
    Ok(latest(rules, Some(&built)).unwrap_or(built))
}

/// The set of `rules`, which becomes the latest: one that is there, else `built`.
fn latest(rules: &[RuleSettings], built: Option<&Arc<RuleSet>>) -> Option<Arc<RuleSet>> {
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = match latest.iter().position(|(known, _)| known == rules) {
        Some(at) => latest.remove(at),
        None => (rules.to_vec(), Arc::clone(built?)),
    };
    let set = Arc::clone(&entry.1);
    if latest.len() == KEPT {
        latest.remove(0);
    }
    latest.push(entry);
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn settings_with_the_same_rules_share_one_automaton() {
        let settings = |rules: &str| Settings::from_json(&format!(r#"{{"redact": {{"rules": {rules}}}}}"#)).unwrap();
        let set = |rules: &str| settings(rules).redact.rule_set().unwrap().unwrap();
        let ours = r#"["email", {"name": "ours", "pattern": "OURS-[0-9]{4}"}]"#;
        let first = set(ours);
        assert!(Arc::ptr_eq(&first, &set(ours)));
        assert!(!Arc::ptr_eq(&first, &set(r#"["email", {"name": "ours", "pattern": "OURS-[0-9]{5}"}]"#)));
        assert!(settings(r#"["emial"]"#).redact.rule_set().is_err());
    }
}
