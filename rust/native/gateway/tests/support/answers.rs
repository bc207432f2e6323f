//! What an answer says.

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use super::LONGEST;

/// Its body to the end.
pub(crate) async fn all(response: Response<Incoming>) -> Bytes {
    timeout(LONGEST, response.into_body().collect()).await.expect("no end").expect("a whole body").to_bytes()
}

/// The same as text.
pub(crate) async fn text_of(response: Response<Incoming>) -> String {
    String::from_utf8(all(response).await.to_vec()).unwrap()
}

/// The same as JSON.
pub(crate) async fn json_of(response: Response<Incoming>) -> Value {
    serde_json::from_slice(&all(response).await).unwrap()
}

/// The id of its stream.
pub(crate) fn id_of(response: &Response<Incoming>) -> String {
    response.headers()["x-midstream-stream-id"].to_str().unwrap().to_owned()
}

/// After how many seconds to ask again.
pub(crate) fn retry_after(response: &Response<Incoming>) -> Option<u64> {
    response.headers().get("retry-after")?.to_str().ok()?.parse().ok()
}
