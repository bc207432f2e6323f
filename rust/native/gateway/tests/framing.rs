//! Heads and bodies that are cut, wrong or ambiguous, over a real socket: one reading, an end, and nobody harmed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use midstream_gateway::{Api, Config, Server, UpstreamConfig};
use proptest::prelude::*;
use proptest::sample::Index;
use support::connections::Raw;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;

const PATH: &str = "/v1/chat/completions";
/// Where nobody asks for it.
const SMUGGLED: &str = "GET /v1/models/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A request as a server read it that knows no mercy, or what is ambiguous in it.
type Read1 = Result<(String, Vec<u8>), String>;

/// Reads what the gateway sends, to the letter.
fn strict_upstream() -> (SocketAddr, Receiver<Read1>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (log, seen) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let log = log.clone();
            std::thread::spawn(move || serve_strictly(&socket.unwrap(), &log));
        }
    });
    (address, seen)
}

fn serve_strictly(mut socket: &TcpStream, log: &Sender<Read1>) -> Option<()> {
    let mut reader = BufReader::new(socket);
    loop {
        let (mut head, mut line) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
            if line == b"\r\n" {
                break;
            }
            head.push(String::from_utf8_lossy(&line).into_owned());
        }
        let length = match length_of(&head) {
            Ok(length) => length,
            Err(fault) => return log.send(Err(fault)).ok(),
        };
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let path = head[0].split(' ').nth(1).unwrap_or_default().to_owned();
        log.send(Ok((path, body))).ok()?;
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        socket.write_all(answer.as_bytes()).ok()?;
    }
}

/// The length that everybody agrees on.
fn length_of(head: &[String]) -> Result<usize, String> {
    let mut length = None;
    for line in &head[1..] {
        let whole = line.strip_suffix("\r\n").filter(|line| !line.contains(['\r', '\n', '\0']));
        let (name, value) = whole.and_then(|line| line.split_once(": ")).ok_or(format!("a line is {line:?}"))?;
        match name.to_ascii_lowercase().as_str() {
            "transfer-encoding" => return Err(format!("{name}: {value}")),
            "content-length" if length.is_some() => return Err("two lengths".to_owned()),
            "content-length" => length = Some(value.parse().map_err(|_| format!("the length is {value:?}"))?),
            _ if name.is_empty() || name.contains([' ', '\t']) => return Err(format!("a name is {name:?}")),
            _ => {}
        }
    }
    Ok(length.unwrap_or(0))
}

/// What comes of a request.
#[derive(Clone, Debug)]
enum Expected {
    /// It is answered, and the upstream has this body.
    Body(Vec<u8>),
    /// It is refused, and no upstream knows of it.
    Refused,
    /// One request at most, whichever: nothing behind it is another one.
    One,
}

#[derive(Clone, Debug)]
struct Case {
    bytes: Vec<u8>,
    expected: Expected,
}

fn request(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("POST {PATH} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").as_bytes(), body].concat()
}

fn chunk(bytes: &[u8], extension: &str) -> Vec<u8> {
    [format!("{:x}{extension}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A body in chunks of these sizes.
fn chunked(body: &[u8], sizes: &[usize], extension: &str, end: &str) -> Vec<u8> {
    let mut rest = body;
    let mut written = Vec::new();
    for size in sizes.iter().chain(std::iter::repeat(&usize::MAX)) {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).clamp(1, rest.len()));
        written.extend(chunk(piece, extension));
        rest = behind;
    }
    written.extend(end.as_bytes());
    written
}

/// Text with what would be a request if somebody took it for one.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(SMUGGLED.as_bytes().to_vec()),
        Just(b"\r\n0\r\n\r\n".to_vec()),
        Just(br#"{"model":"m"}"#.to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Framed as it should be.
fn well_framed() -> impl Strategy<Value = Case> {
    let sizes = prop::collection::vec(1..50_usize, 0..8);
    let extension = prop::sample::select(vec!["", ";a", ";a=b", ";a=\"b;c\"", " "]);
    let end = prop::sample::select(vec!["0\r\n\r\n", "000\r\n\r\n", "0\r\nx: y\r\n\r\n", "0;a\r\n\r\n"]);
    (body(), sizes, extension, end, any::<bool>()).prop_map(|(body, sizes, extension, end, is_chunked)| {
        let bytes = if is_chunked {
            request("transfer-encoding: chunked\r\n", &chunked(&body, &sizes, extension, end))
        } else {
            request(&format!("content-length: {}\r\n", body.len()), &body)
        };
        Case { bytes, expected: Expected::Body(body) }
    })
}

/// A length that is none, or two that differ.
fn wrong_length() -> impl Strategy<Value = Case> {
    let lengths = prop::sample::select(vec![
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: +5\r\n",
        "content-length: -5\r\n",
        "content-length: 0x5\r\n",
        "content-length: 5 5\r\n",
        "content-length: five\r\n",
        "content-length: 5\r\n 6\r\n",
        "content-length: 99999999999999999999999\r\n",
        "content-length : 5\r\n",
        " content-length: 5\r\n",
        "content-length\r\n",
        "x: y\0\r\ncontent-length: 5\r\n",
        "x: y\r\n folded\r\ncontent-length: 5\r\n",
        "x y: z\r\ncontent-length: 5\r\n",
    ]);
    (lengths, body()).prop_map(|(headers, body)| Case {
        bytes: request(headers, &[b"abcde", body.as_slice(), SMUGGLED.as_bytes()].concat()),
        expected: Expected::Refused,
    })
}

/// A size of a chunk that is none, or a chunk that ends elsewhere.
fn wrong_chunk() -> impl Strategy<Value = Case> {
    let starts = prop::sample::select(vec![
        "-1\r\nabcde\r\n",
        "+5\r\nabcde\r\n",
        "0x5\r\nabcde\r\n",
        "5 5\r\nabcde\r\n",
        "fffffffffffffffff\r\nabcde\r\n",
        "ffffffffffffffff\r\nabcde\r\n",
        "\r\nabcde\r\n",
        "5\r\nabcdef\r\n",
        "5\r\nabcd\r\n",
        "5\rabcde\r\n",
        "5;\nabcde\r\n",
        "zz\r\n",
    ]);
    (starts, body()).prop_map(|(start, body)| Case {
        bytes: request(
            "transfer-encoding: chunked\r\n",
            &[start.as_bytes(), &body, b"0\r\n\r\n", SMUGGLED.as_bytes()].concat(),
        ),
        expected: Expected::Refused,
    })
}

/// A length and chunks, or chunks that not everybody would see.
fn ambiguous() -> impl Strategy<Value = Case> {
    let headers = prop::sample::select(vec![
        "content-length: N\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: N\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\ncontent-length: N\r\n",
        "transfer-encoding: xchunked\r\ncontent-length: N\r\n",
        "transfer-encoding: identity\r\ncontent-length: N\r\n",
        "transfer-encoding: chunked, identity\r\ncontent-length: N\r\n",
        "transfer-encoding: \"chunked\"\r\ncontent-length: N\r\n",
        "transfer-encoding:\tchunked\r\ncontent-length: N\r\n",
        "transfer-encoding : chunked\r\ncontent-length: N\r\n",
        "transfer-encoding:\r\n chunked\r\ncontent-length: N\r\n",
        "x: y\rtransfer-encoding: chunked\r\ncontent-length: N\r\n",
        "x: y\ntransfer-encoding: chunked\r\ncontent-length: N\r\n",
    ]);
    (headers, any::<bool>()).prop_map(|(headers, is_short)| {
        // Who reads by chunks sees an end before the other request; who reads by length, before or behind it.
        let body = ["0\r\n\r\n", SMUGGLED].concat();
        let length = if is_short { 5 } else { body.len() };
        let headers = headers.replace('N', &length.to_string());
        Case { bytes: request(&headers, body.as_bytes()), expected: Expected::One }
    })
}

fn cases() -> impl Strategy<Value = Case> {
    prop_oneof![well_framed(), wrong_length(), wrong_chunk(), ambiguous()]
}

/// A gateway, and what reads behind it.
struct Setup {
    runtime: Runtime,
    server: Server,
    seen: Receiver<Read1>,
}

impl Setup {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (address, seen) = strict_upstream();
        let upstream = UpstreamConfig::new(format!("http://{address}"), &[Api::Openai]);
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            upstreams: [("strict".to_owned(), upstream)].into(),
            ..Config::default()
        };
        let server = runtime.block_on(Server::start(config)).unwrap();
        Self { runtime, server, seen }
    }

    /// Sends bytes in pieces and writes no more; gives the status lines of the answers, and what the upstream read.
    fn ask(&self, bytes: &[u8], cuts: &[Index]) -> (Vec<String>, Vec<(String, Vec<u8>)>) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let answer = self.runtime.block_on(async {
            let mut raw = Raw::open(&self.server).await;
            raw.0.set_nodelay(true).unwrap();
            for cut in cuts.windows(2) {
                // Who was refused already reads no more.
                if raw.0.write_all(&bytes[cut[0]..cut[1]]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(u64::from(cut[0] > 0))).await;
            }
            let _ = raw.0.shutdown().await;
            raw.rest().await
        });
        let is_status = |line: &&str| line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.1 102 ");
        let statuses =
            answer.split("\r\n").flat_map(|line| line.rsplit_once("{}").map_or(Some(line), |(_, line)| Some(line)));
        let statuses = statuses.filter(is_status).map(str::to_owned).collect();
        (statuses, self.seen.try_iter().map(|read| read.expect("one reading")).collect())
    }

    fn is_well(&self) -> bool {
        self.ask(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", &[])
            .0
            .first()
            .is_some_and(|line| line.contains("200"))
    }
}

fn few() -> ProptestConfig {
    // As many as PROPTEST_CASES says, else fewer than for what needs no socket.
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 100 };
    ProptestConfig {
        cases: cases.min(5000),
        failure_persistence: None,
        max_shrink_iters: 100,
        ..ProptestConfig::default()
    }
}

#[test]
fn every_request_has_one_reading_or_none_however_it_is_cut() {
    let setup = Setup::new();
    proptest!(few(), |(case in cases(), cuts in prop::collection::vec(any::<Index>(), 0..4))| {
        let (statuses, read) = setup.ask(&case.bytes, &cuts);
        let shown = String::from_utf8_lossy(&case.bytes).into_owned();
        prop_assert!(read.iter().all(|(path, _)| path == PATH), "{read:?}\n{shown}");
        match &case.expected {
            Expected::Body(body) => {
                prop_assert_eq!(&statuses, &["HTTP/1.1 200 OK"], "{}", shown);
                prop_assert_eq!(&read, &[(PATH.to_owned(), body.clone())], "{}", shown);
            }
            Expected::Refused => {
                prop_assert!(statuses.iter().all(|line| line.starts_with("HTTP/1.1 4")), "{statuses:?}\n{shown}");
                prop_assert!(read.is_empty(), "{read:?}\n{shown}");
            }
            Expected::One => prop_assert!(read.len() <= 1 && statuses.len() <= 1, "{read:?} {statuses:?}\n{shown}"),
        }
    });
    assert!(setup.is_well());
}

#[test]
fn any_bytes_have_an_end_and_harm_nobody() {
    let setup = Setup::new();
    let change = (any::<Index>(), any::<u8>(), 0..4_u8);
    let bytes = (cases(), prop::collection::vec(change, 1..6)).prop_map(|(case, changes)| {
        let mut bytes = case.bytes;
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at.max(1)),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        bytes
    });
    proptest!(few(), |(bytes in bytes, cuts in prop::collection::vec(any::<Index>(), 0..3))| {
        setup.ask(&bytes, &cuts);
    });
    assert!(setup.is_well());
}
