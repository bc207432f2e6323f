//! Headers that belong to one connection, and those that the gateway adds.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, EXPECT, HOST,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERER, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

/// Where the stream's id stands in the answer.
pub(crate) const STREAM_ID: HeaderName = HeaderName::from_static("x-midstream-stream-id");
/// Asks for the numbers of events in the answer.
pub(crate) const IDS: HeaderName = HeaderName::from_static("x-midstream-ids");
/// Where the name of the upstream stands in the answer.
pub(crate) const UPSTREAM: HeaderName = HeaderName::from_static("x-midstream-upstream");
/// Who went on with the answer, in the order in which they did; a trailer where its head was sent before.
pub(crate) const SPLICED: HeaderName = HeaderName::from_static("x-midstream-spliced");
/// Tells nginx not to hold the answer back.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// Anthropic's key.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Google's key.
pub(crate) const GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
/// Azure's key.
pub(crate) const AZURE_API_KEY: HeaderName = HeaderName::from_static("api-key");

/// Google's key in a query.
pub(crate) const KEY: &str = "key";

/// RFC 9110, section 7.6.1.
const HOP_BY_HOP: [HeaderName; 8] =
    [CONNECTION, KEEP_ALIVE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The headers of a message without those that end at this hop.
pub(crate) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let passes = |name: &HeaderName| !HOP_BY_HOP.contains(name) && !named.contains(name);
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What is between a browser and the gateway.
const OF_PAGES: [HeaderName; 3] = [COOKIE, ORIGIN, REFERER];
/// What clients and the gateway say to each other begins so.
const OWN: &str = "x-midstream-";
/// What allows pages of browsers begins so: the gateway alone says which may call.
const ALLOWS_PAGES: &str = "access-control-";

/// What an upstream is asked with: the client's headers without what is for the gateway, and without its key where that is
/// one of the gateway's own.
pub(crate) fn to_upstream(headers: &HeaderMap, is_own_key: bool) -> HeaderMap {
    let mut sent = without(end_to_end(headers), OWN);
    // The gateway itself answers who expects to be told to go on.
    for name in [HOST, CONTENT_LENGTH, EXPECT].iter().chain(&OF_PAGES) {
        sent.remove(name);
    }
    sent.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if is_own_key { without_keys(sent) } else { sent }
}

/// The same with an upstream's own key, if it has one.
pub(crate) fn with_key(headers: HeaderMap, key: Option<(HeaderName, HeaderValue)>) -> HeaderMap {
    let Some((name, key)) = key else { return headers };
    let mut sent = without_keys(headers);
    sent.insert(name, key);
    sent
}

/// Whether a WebSocket is to be opened (RFC 6455, section 4.1).
pub(crate) fn opens_websocket(headers: &HeaderMap) -> bool {
    let protocols = headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    protocols.flat_map(|value| value.split(',')).any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// What stands in a query by this name, decoded.
pub(crate) fn in_query(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(given, value)| (given == name).then(|| value.into_owned()))
}

/// A path without the key that stands in its query, however it is written there; every other byte is the same.
pub(crate) fn without_key(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let rest: Vec<&str> = query.split('&').filter(|pair| in_query(pair, KEY).is_none()).collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

/// The headers but those whose names begin so.
fn without(headers: HeaderMap, begin: &str) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with(begin))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The headers without what a client proves itself by.
pub(crate) fn without_keys(mut headers: HeaderMap) -> HeaderMap {
    for given in [AUTHORIZATION, API_KEY, AZURE_API_KEY, GOOG_API_KEY] {
        headers.remove(given);
    }
    headers
}

/// What an answer is encoded in, although it was asked for as it is.
pub(crate) fn encoding(headers: &HeaderMap) -> Option<String> {
    let given = headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let all: Vec<_> = given.collect();
    let codings = all.iter().flat_map(|list| list.split(',')).map(str::trim);
    let codings: Vec<&str> = codings.filter(|coding| !is_none(coding)).collect();
    (!codings.is_empty()).then(|| codings.join(", "))
}

/// Whether a coding leaves a body as it is; upper and lower case say the same.
fn is_none(coding: &str) -> bool {
    coding.is_empty() || coding.eq_ignore_ascii_case("identity")
}

pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What a client is answered with. Nobody between may change an answer that is read; of others it passes what they say.
pub(crate) fn to_client(headers: &HeaderMap, id: &str, upstream: Option<&str>, is_read: bool) -> HeaderMap {
    let mut sent = without(without(end_to_end(headers), ALLOWS_PAGES), OWN);
    for (name, value) in [(STREAM_ID, Some(id)), (UPSTREAM, upstream)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            sent.insert(name, value);
        }
    }
    if is_read {
        sent.append(CACHE_CONTROL, HeaderValue::from_static("no-transform"));
    }
    sent.insert(BUFFERING, HeaderValue::from_static("no"));
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn headers_of_one_hop_go_and_those_that_connection_names() {
        let headers = of(&[("connection", "close, x-once"), ("x-once", "1"), ("te", "trailers"), ("accept", "*/*")]);
        assert_eq!(end_to_end(&headers), of(&[("accept", "*/*")]));
    }

    #[test]
    fn nobody_between_changes_an_answer_that_is_read_and_others_keep_what_they_say() {
        let given = of(&[("cache-control", "max-age=60")]);
        let told = |is_read| {
            let sent = to_client(&given, "id", Some("one"), is_read);
            assert_eq!(
                (&sent[STREAM_ID], &sent[UPSTREAM], &sent[BUFFERING]),
                (&"id".parse().unwrap(), &"one".parse().unwrap(), &"no".parse().unwrap())
            );
            sent.get_all(CACHE_CONTROL).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            (told(true), told(false)),
            (vec!["max-age=60".into(), "no-transform".into()], vec!["max-age=60".to_owned()])
        );
    }

    #[test]
    fn the_upstreams_own_key_takes_the_place_of_the_clients() {
        let given = of(&[("authorization", "Bearer client"), ("x-api-key", "client"), ("user-agent", "sdk")]);
        let own = (AUTHORIZATION, HeaderValue::from_static("Bearer own"));
        let sent = with_key(to_upstream(&given, false), Some(own));
        let expected = of(&[("authorization", "Bearer own"), ("user-agent", "sdk"), ("accept-encoding", "identity")]);
        assert_eq!(sent, expected);
    }

    #[test]
    fn without_a_key_of_its_own_the_clients_passes_unless_it_is_the_gateways() {
        let given = of(&[("authorization", "Bearer client")]);
        assert_eq!(with_key(to_upstream(&given, false), None)[AUTHORIZATION], "Bearer client");
        assert!(!with_key(to_upstream(&given, true), None).contains_key(AUTHORIZATION));
    }

    #[test]
    fn what_is_for_the_gateway_goes_no_further() {
        let given = of(&[
            ("accept", "*/*"),
            ("cookie", "session=1"),
            ("origin", "http://localhost"),
            ("referer", "http://localhost/page"),
            ("x-midstream-ids", "1"),
        ]);
        assert_eq!(to_upstream(&given, false), of(&[("accept", "*/*"), ("accept-encoding", "identity")]));
    }

    #[test]
    fn identity_is_no_encoding_however_it_is_written_or_listed() {
        for (given, expected) in [
            (&["Identity"][..], None),
            (&["IDENTITY, ", "identity"], None),
            (&["identity, GZIP"], Some("GZIP")),
            (&["identity", "br"], Some("br")),
            (&["gzip", "br"], Some("gzip, br")),
        ] {
            let headers: Vec<_> = given.iter().map(|value| ("content-encoding", *value)).collect();
            let mut all = HeaderMap::new();
            headers
                .iter()
                .for_each(|pair| all.extend(of(&[*pair]).into_iter().map(|(_, value)| (CONTENT_ENCODING, value))));
            assert_eq!(encoding(&all).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_key_in_a_query_goes_however_it_is_written() {
        for (path, expected) in [
            ("/v1?alt=sse&key=a&x=%20", "/v1?alt=sse&x=%20"),
            ("/v1?k%65y=a", "/v1"),
            ("/v1?key", "/v1"),
            ("/v1?keys=a&a=key=b", "/v1?keys=a&a=key=b"),
        ] {
            assert_eq!(without_key(path), expected, "{path}");
        }
        assert_eq!(in_query("a=b&k%65y=s%2Fe+c", KEY).as_deref(), Some("s/e c"));
    }
}
