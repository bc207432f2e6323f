//! Guard files: settings as TOML. Every fault has its line and column.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::node::{Entry, Node, Value};
use super::read::{as_written, read};
use crate::redact::{RedactSettings, RuleFault, RuleSet};
use crate::{Error, Settings};

/// The largest guard file, in bytes.
pub const MAX_FILE: usize = 1 << 20;

/// Where rules stand: in a guard file, and in a file that has its tables in one of their own.
const RULES: [&str; 2] = ["redact.rules", "guard.redact.rules"];

/// Tables in tables at most; settings need four.
const MAX_DEPTH: usize = 32;

/// What is wrong with a guard file, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct FileError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The dotted path of the key; empty where the file is no TOML.
    pub key: String,
    /// What is wrong.
    pub error: Box<Error>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.error, self.line, self.column)
    }
}

impl std::error::Error for FileError {}

/// Settings and the automaton of their rules, if they have any, from the bytes of a guard file.
///
/// ```
/// use midstream_stream::read_guard_file;
/// let (settings, _) = read_guard_file(b"[repeat]\nnear = \"off\"\n")?;
/// assert_eq!(settings.repeat.near, None);
/// let error = read_guard_file(b"shadow = true\n[repeat]\nnaer = \"off\"").unwrap_err();
/// assert_eq!((error.line, error.column, error.key.as_str()), (3, 1, "repeat.naer"));
/// # Ok::<(), midstream_stream::FileError>(())
/// ```
///
/// # Errors
/// [`FileError`] for the first fault: no UTF-8, no TOML, a key or a value that is not known, a value that is not allowed, a
/// rule that cannot be used.
pub fn read_guard_file(bytes: &[u8]) -> Result<(Settings, Option<Arc<RuleSet>>), FileError> {
    let mut rules = None;
    let settings = read_tables(bytes, |settings: &Settings| {
        settings.validate()?;
        rules = settings.redact.rule_set()?;
        Ok(())
    })?;
    Ok((settings, rules))
}

/// The tables of a TOML file, read as whatever holds them and then checked.
///
/// # Errors
/// [`FileError`] for the first fault, be it of `validate`: then with the place of the key that it names.
pub fn read_tables<T: DeserializeOwned>(
    bytes: &[u8],
    validate: impl FnOnce(&T) -> Result<(), Error>,
) -> Result<T, FileError> {
    let text = text_of(bytes)?;
    let root = parse(text)?;
    read(&root, validate).map_err(|error| locate(text, &root, error))
}

/// The same of a JSON object.
///
/// # Errors
/// [`Error::UnknownKey`], [`Error::UnknownWord`] and [`Error::Setting`] for the first fault, be it of `validate`.
pub fn read_json_tables<T: DeserializeOwned>(
    json: &str,
    validate: impl FnOnce(&T) -> Result<(), Error>,
) -> Result<T, Error> {
    let root: Node = serde_json::from_str(json).map_err(|error| Error::Setting {
        field: "settings".into(),
        value: error.to_string(),
        allowed: "a table of settings".into(),
    })?;
    read(&root, validate)
}

/// The tables of a guard file as JSON, whatever their keys and values are.
///
/// # Errors
/// [`FileError`] where the file is no UTF-8 or no TOML.
pub fn json_of_guard_file(bytes: &[u8]) -> Result<String, FileError> {
    let text = text_of(bytes)?;
    let root = parse(text)?;
    serde_json::to_string(&root).map_err(|error| at(text, 0, not_toml(&error.to_string())))
}

/// Tables in JSON as the text of a guard file.
///
/// # Errors
/// [`Error::Toml`] for what TOML cannot say, such as `null`.
pub fn guard_file_of_json(json: &str) -> Result<String, Error> {
    let tables: serde_json::Value = serde_json::from_str(json).map_err(|error| not_toml(&error.to_string()))?;
    toml::to_string_pretty(&tables).map_err(|error| not_toml(&error.to_string()))
}

fn text_of(bytes: &[u8]) -> Result<&str, FileError> {
    if bytes.len() > MAX_FILE {
        return Err(at("", 0, Error::FileSize { limit: MAX_FILE }));
    }
    str::from_utf8(bytes).map_err(|error| {
        let read = bytes.get(..error.valid_up_to()).and_then(|read| str::from_utf8(read).ok()).unwrap_or_default();
        at(read, read.len(), not_toml("bytes that are not UTF-8"))
    })
}

fn not_toml(message: &str) -> Error {
    Error::Toml { message: message.to_owned() }
}

fn parse(text: &str) -> Result<Node, FileError> {
    let fault = |message: &str, span: Range<usize>| {
        let written = text.get(span.clone()).filter(|written| message == "duplicate key" && !written.is_empty());
        let message = written.map_or_else(|| message.to_owned(), |key| format!("{message} {key}"));
        FileError { key: written.unwrap_or_default().to_owned(), ..at(text, span.start, not_toml(&message)) }
    };
    let parsed =
        DeTable::parse(text).map_err(|error| fault(error.message(), error.span().unwrap_or(text.len()..text.len())))?;
    let span = parsed.span();
    let value = table(parsed.get_ref(), MAX_DEPTH).ok_or_else(|| fault("tables nested too deep", span.clone()))?;
    Ok(Node { value, at: span })
}

/// `None` where it is nested too deep.
fn table(table: &DeTable<'_>, depth: usize) -> Option<Value> {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        Some(Entry { name: name.clone().into_owned(), at: key.span(), node: node(value, depth.checked_sub(1)?)? })
    };
    table.iter().map(entry).collect::<Option<_>>().map(Value::Table)
}

fn node(value: &toml::Spanned<DeValue<'_>>, depth: usize) -> Option<Node> {
    let at = value.span();
    let value = match value.get_ref() {
        DeValue::Array(array) => {
            Value::List(array.iter().map(|value| node(value, depth.checked_sub(1)?)).collect::<Option<_>>()?)
        }
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Time,
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Integer(number) => Value::Whole(whole(number)),
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Table(inner) => table(inner, depth)?,
    };
    Some(Node { value, at })
}

/// A number beyond 128 bits is as wrong as the largest.
fn whole(number: &DeInteger<'_>) -> i128 {
    let digits = number.as_str();
    let limit = if digits.starts_with('-') { i128::MIN } else { i128::MAX };
    i128::from_str_radix(digits, number.radix()).unwrap_or(limit)
}

/// An error of settings with the place that it speaks of.
fn locate(text: &str, root: &Node, error: Error) -> FileError {
    let error = as_written(root, error);
    let key = match &error {
        Error::Setting { field, .. } | Error::UnknownWord { field, .. } => field.clone(),
        Error::UnknownKey { key, .. } => key.clone(),
        Error::Rule { rule, fault } => key_of_rule(root, rule, fault),
        _ => String::new(),
    };
    let start = place(root, &key, &error);
    FileError { key, ..at(text, start, error) }
}

/// The byte where what an error speaks of begins: an unknown key, else the value of a key.
fn place(root: &Node, key: &str, error: &Error) -> usize {
    let mut path = key;
    loop {
        if let Some((node, named)) = root.find(path) {
            let value =
                path == key && !matches!(error, Error::UnknownKey { .. }) && !matches!(node.value, Value::Table(_));
            return if value { node.at.start } else { named.start };
        }
        path = path.rfind(['.', '[']).and_then(|end| path.get(..end)).unwrap_or_default();
    }
}

/// The key of a redaction rule, or of the part of it that is wrong.
fn key_of_rule(root: &Node, rule: &str, fault: &RuleFault) -> String {
    let listed = |rules| match root.find(rules) {
        Some((Node { value: Value::List(nodes), .. }, _)) => Some((rules, nodes)),
        _ => None,
    };
    let Some((rules, nodes)) = RULES.into_iter().find_map(listed) else { return String::new() };
    let named = |node: &Node| match &node.value {
        Value::Text(name) => name == rule || name == RedactSettings::BUILT_IN,
        Value::Table(_) => node.find("name").is_some_and(|(name, _)| name.value == Value::Text(rule.to_owned())),
        _ => false,
    };
    let index = match fault {
        RuleFault::Duplicate => nodes.iter().rposition(named),
        _ => nodes.iter().position(named),
    };
    let Some((index, node)) = index.and_then(|index| Some((index, nodes.get(index)?))) else { return rules.to_owned() };
    let part = match fault {
        RuleFault::Duplicate | RuleFault::Name | RuleFault::TooMany { .. } => "name",
        RuleFault::MaxLen => "max_len",
        RuleFault::Replacement { .. } => "replacement",
        _ => "pattern",
    };
    match node.find(part) {
        Some(_) => format!("{rules}[{index}].{part}"),
        None => format!("{rules}[{index}]"),
    }
}

/// An error at a byte of the text.
fn at(text: &str, byte: usize, error: Error) -> FileError {
    let before = text.get(..byte.min(text.len())).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let column = line.strip_prefix('\u{feff}').unwrap_or(line).chars().count() + 1;
    FileError { line: before.matches('\n').count() + 1, column, key: String::new(), error: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, column, key and message of the first fault.
    fn fault(text: &str) -> (usize, usize, String, String) {
        let FileError { line, column, key, error } = read_guard_file(text.as_bytes()).unwrap_err();
        (line, column, key, error.to_string())
    }

    #[test]
    fn every_fault_has_its_place_and_what_is_allowed() {
        let rule = |rest: &str| format!("[[redact.rules]]\nname = \"x\"\n{rest}");
        for (text, line, column, key, message) in [
            ("[repaet]", 1, 2, "repaet", "no setting is named \"repaet\"; did you mean \"repeat\"? known: actions, "),
            (
                "[repeat]\n  exakt = 1",
                2,
                3,
                "repeat.exakt",
                "no setting is named \"repeat.exakt\"; did you mean \"exact\"?",
            ),
            (
                "repeat.exact = 'sto'",
                1,
                16,
                "repeat.exact",
                "repeat.exact is \"sto\"; did you mean \"stop\"? known: off,",
            ),
            ("repeat.exact = true", 1, 16, "repeat.exact", "repeat.exact is true, allowed is off, observe, warn"),
            (
                "[repeat]\nexact_run = 11",
                2,
                13,
                "repeat.exact_run",
                "repeat.exact_run is 11, allowed is a whole number from 12",
            ),
            (
                "repeat.exact_run = -1000",
                1,
                20,
                "repeat.exact_run",
                "repeat.exact_run is -1000, allowed is a whole number from 12",
            ),
            (
                "repeat.exact_run = 0xFFFFFFFFFFFF",
                1,
                20,
                "repeat.exact_run",
                "repeat.exact_run is 281474976710655, allowed",
            ),
            ("repeat.exact_run = 99.0", 1, 20, "repeat.exact_run", "repeat.exact_run is 99, allowed is a whole number"),
            ("repeat.near_share = nan", 1, 21, "repeat.near_share", "repeat.near_share is NaN, allowed is above 0"),
            ("repeat = 1", 1, 10, "repeat", "repeat is 1, allowed is a table"),
            ("repeat = []", 1, 10, "repeat", "repeat is an empty list, allowed is a table"),
            ("repeat.text = []", 1, 15, "repeat.text", "repeat.text is an empty list, allowed is a table, or \"off\""),
            ("shadow = 1979-05-27", 1, 10, "shadow", "shadow is a date or a time, allowed is true or false"),
            (
                "[repeat.tool]\nnear = 'off'",
                2,
                1,
                "repeat.tool.near",
                "no setting is named \"repeat.tool.near\"; known: exact",
            ),
            (
                "[actions.tools.'a.b']\nstop = 1",
                2,
                8,
                "actions.tools.\"a.b\".stop",
                "actions.tools.\"a.b\".stop is 1, allowed",
            ),
            (
                "redact.rules = ['email', 'iben']",
                1,
                26,
                "redact.rules[1]",
                "redact.rules[1] is \"iben\"; did you mean \"iban\"?",
            ),
            (
                "redact.rules = [3]",
                1,
                17,
                "redact.rules[0]",
                "redact.rules[0] is 3, allowed is the name of a rule, or a table",
            ),
            (&rule(""), 1, 1, "redact.rules[0].pattern", "redact.rules[0].pattern is left out for \"x\""),
            (
                &rule("pattern = 'a(b)'"),
                3,
                11,
                "redact.rules[0].pattern",
                "redaction rule \"x\" has a capture group at character 1",
            ),
            (
                &rule("pattern = 'a*'"),
                3,
                11,
                "redact.rules[0].pattern",
                "redaction rule \"x\" matches the empty string",
            ),
            (&rule("pattern = 'ab+'"), 3, 11, "redact.rules[0].pattern", "redaction rule \"x\" has no longest match"),
            (
                &rule("pattern = 'a'\nreplacement = '{'"),
                4,
                15,
                "redact.rules[0].replacement",
                "redaction rule \"x\" has the",
            ),
            (
                &rule("pattern = 'a'\nmax_len = -3"),
                4,
                11,
                "redact.rules[0].max_len",
                "redaction rule \"x\" has max_len",
            ),
        ] {
            let found = fault(text);
            assert_eq!((found.0, found.1, found.2.as_str()), (line, column, key), "{text}: {found:?}");
            assert!(found.3.starts_with(message), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        for (text, line, column, message) in [
            ("a = ", 1, 5, "not TOML: "),
            ("[repeat]\nexact = 'off'\nexact = 'warn'", 3, 1, "not TOML: duplicate key exact"),
            ("shadow = true\nshädow = ?", 2, 3, "not TOML: "),
        ] {
            let found = fault(text);
            assert_eq!((found.0, found.1), (line, column), "{text}: {found:?}");
            assert!(found.3.starts_with(message), "{text}: {found:?}");
        }
        let error = read_guard_file(b"shadow = true\n# \xff").unwrap_err();
        assert_eq!((error.line, error.column), (2, 3));
        let error = read_guard_file(&vec![b'#'; MAX_FILE + 1]).unwrap_err();
        assert_eq!(*error.error, Error::FileSize { limit: MAX_FILE });
    }

    #[test]
    fn a_file_nested_as_deep_as_it_can_be_is_refused() {
        for text in [
            format!("a = {}1", "[".repeat(500_000)),
            format!("{}a = 1", "a.".repeat(500_000)),
            format!("[{}a]", "a.".repeat(60)),
        ] {
            let error = read_guard_file(text.as_bytes()).unwrap_err();
            assert!(matches!(*error.error, Error::Toml { .. }), "{}", error.error);
        }
    }

    #[test]
    fn settings_written_are_the_settings_read() {
        let text =
            "shadow = true\n[actions.tools.\"a b\"]\nstop = 9\n[[redact.rules]]\nname = \"x\"\npattern = 'a\\d'\n";
        let (settings, rules) = read_guard_file(text.as_bytes()).unwrap();
        let written = guard_file_of_json(&json_of_guard_file(text.as_bytes()).unwrap()).unwrap();
        let (again, _) = read_guard_file(written.as_bytes()).unwrap();
        assert_eq!(settings, again, "{written}");
        assert!(rules.is_some());
    }
}
