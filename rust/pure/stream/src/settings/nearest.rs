//! Names that are given, against those that are known.

use crate::Error;

/// Characters of a name that are compared.
const LONGEST_NAME: usize = 64;

/// The one of `all` that is named `name`.
pub(crate) fn by_name<T: Copy>(
    what: &'static str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T, Error> {
    all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| Error::UnknownName {
        what,
        name: name.to_owned(),
        nearest: nearest(name, all.iter().copied().map(name_of)),
        known: all.iter().copied().map(name_of).map(str::to_owned).collect(),
    })
}

/// The known name at the smallest edit distance from `name`, if at most a third of it differs, or if it goes on where
/// `name` ends.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name: String = name.chars().take(LONGEST_NAME).collect::<String>().to_lowercase();
    let limit = name.chars().count().div_ceil(3).max(1);
    known
        .map(|other| (edits(&name, other), other))
        .filter(|(edits, other)| *edits <= limit || (name.len() > 2 && other.starts_with(&name)))
        .min()
        .map(|(_, other)| other.into())
}

/// How many characters of two short names differ; two that change places count as one.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let (mut above, mut before) = (row.clone(), None);
    for (i, x) in a.chars().enumerate() {
        let two_above = std::mem::replace(&mut above, row.clone());
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != *y);
            row[j + 1] = replaced.min(row[j] + 1).min(above[j + 1] + 1);
            if j > 0 && before == Some(*y) && b[j - 1] == x {
                row[j + 1] = row[j + 1].min(two_above[j - 1] + 1);
            }
        }
        before = Some(x);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_name_is_near_to_it_and_so_is_another_case() {
        let known = ["openai-responses", "openai-chat", "ollama"];
        assert_eq!(nearest("openai", known.into_iter()).as_deref(), Some("openai-chat"));
        assert_eq!(nearest("Ollama", known.into_iter()).as_deref(), Some("ollama"));
        assert_eq!(nearest(&"o".repeat(1 << 20), known.into_iter()), None);
    }

    #[test]
    fn a_name_unlike_all_others_has_no_nearest() {
        assert_eq!(nearest("zzzzzz", ["repeat", "pace"].into_iter()), None);
    }
}
