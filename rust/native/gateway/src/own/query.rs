//! What the query of a request asks for.

use axum::extract::Query;
use axum::http::Uri;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

/// The parameters of a request, of which `known` says what is allowed.
///
/// # Errors
/// Which parameter is wrong, and what is allowed.
pub(super) fn read<T: DeserializeOwned>(uri: &Uri, known: &[(&str, &str)]) -> Result<T, String> {
    let read = Query::try_from_uri(uri).map(|Query(read)| read);
    read.map_err(|_| fault::<T>(uri.query().unwrap_or_default(), known))
}

fn fault<T: DeserializeOwned>(query: &str, known: &[(&str, &str)]) -> String {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let Some((_, allowed)) = known.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            return format!("no parameter is named {name:?}; known: {}", names.join(", "));
        };
        let is_right = format!("/?{pair}").parse().is_ok_and(|uri| Query::<T>::try_from_uri(&uri).is_ok());
        if !is_right {
            return format!("{name} is {value:?}, allowed is {allowed}");
        }
    }
    "a parameter is given twice, allowed is once".to_owned()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        after: Option<u64>,
        name: Option<String>,
    }

    fn of(query: &str) -> Result<Wanted, String> {
        let known = [("after", "the number of an event"), ("name", "a name")];
        read(&format!("/x?{query}").parse().unwrap(), &known)
    }

    #[test]
    fn a_wrong_parameter_is_named_with_its_value_and_what_is_allowed() {
        let wanted = of("after=3&name=a+b").unwrap();
        assert_eq!((wanted.after, wanted.name.as_deref()), (Some(3), Some("a b")));
        for (query, told) in [
            ("name=a&after=%2D1", "after is \"-1\", allowed is the number of an event"),
            ("after", "after is \"\", allowed is the number of an event"),
            ("name=a&afer=1", "no parameter is named \"afer\"; known: after, name"),
            ("after=1&after=2", "a parameter is given twice, allowed is once"),
        ] {
            assert_eq!(of(query).unwrap_err(), told);
        }
    }
}
