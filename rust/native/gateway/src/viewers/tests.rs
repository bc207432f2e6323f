use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::Value;

use super::audience::Audience;
use super::*;
use crate::streams::tests::{started, streams};

/// Each viewer in turn: reads so many, stalls, or comes back from where it was.
#[derive(Clone, Debug)]
enum Turn {
    /// So many events come.
    Append(u64),
    Back(usize),
    Read(usize, usize),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        4 => (1_u64..1500).prop_map(Turn::Append),
        1 => (0_usize..4).prop_map(Turn::Back),
        4 => (0_usize..4, 1_usize..2500).prop_map(|(reader, count)| Turn::Read(reader, count)),
    ];
    proptest::collection::vec(turn, 1..40)
}

/// What a reader has: the text so far, as far as it was told, and the number of the event that comes next.
#[derive(Default)]
struct Reader {
    viewer: Option<Viewer>,
    next: Seq,
    text: String,
    /// It was told of a gap, which a snapshot is to fill.
    lagged_to: Option<Seq>,
    is_over: bool,
}

fn fragment(number: Seq) -> String {
    format!("{number};")
}

impl Reader {
    fn read(&mut self, stream: &Arc<Stream>, all: &Arc<Audience>, count: usize) {
        let next = self.next;
        let viewer = self.viewer.get_or_insert_with(|| {
            let seat = Seat::take(Subject::Here(Arc::clone(stream)), all, (1000, 10_000)).expect("there is room");
            Viewer::new((Arc::clone(stream), seat), None, next, Mode::Norm)
        });
        // Where others have their turn, it is asked again.
        let mut told = || (0..64).find_map(|_| viewer.next().now_or_never()).flatten();
        let told: Vec<Told> = (0..count).map_while(|_| told()).collect();
        told.into_iter().for_each(|told| self.hear(told));
    }

    fn hear(&mut self, told: Told) {
        assert!(!self.is_over, "something came behind the end");
        match told {
            Told::Event(event) => {
                assert_eq!((event.sequence, self.lagged_to), (self.next, None));
                self.text.push_str(&fragment(event.sequence));
                self.next += 1;
            }
            Told::Mark("midstream.lagged", text) => {
                let mark: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(mark["from"], self.next);
                assert_eq!(mark["dropped"].as_u64().unwrap(), mark["to"].as_u64().unwrap() + 1 - self.next);
                self.lagged_to = mark["to"].as_u64();
            }
            Told::Snapshot(snapshot) => {
                let sequence = snapshot.sequence();
                assert_eq!(self.lagged_to.take(), Some(sequence));
                let snapshot: Value = serde_json::from_str(&snapshot.json()).unwrap();
                assert_eq!(snapshot["sequence"], sequence);
                snapshot["channels"]["c"].as_str().unwrap().clone_into(&mut self.text);
                self.next = sequence + 1;
            }
            Told::Mark("midstream.end", ..) => self.is_over = true,
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_a_reader_has_is_the_log_however_it_stalls_and_comes_back(turns in turns()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let stream = started(&streams());
        let all = Arc::<Audience>::default();
        let mut readers: [Reader; 4] = std::array::from_fn(|_| Reader::default());
        let mut log = String::new();
        let mut count = 0;
        for turn in turns {
            match turn {
                Turn::Append(more) => {
                    let event = |number| format!("{{\"kind\":\"text\",\"channel\":\"c\",\"text\":\"{}\"}}", fragment(number));
                    stream.append((count..count + more).map(event));
                    log.extend((count..count + more).map(fragment));
                    count += more;
                }
                // What was read between is what the viewer has: it asks for what is behind.
                Turn::Back(reader) if readers[reader].lagged_to.is_none() => readers[reader].viewer = None,
                Turn::Back(_) => {}
                Turn::Read(reader, most) => readers[reader].read(&stream, &all, most),
            }
            for reader in &readers {
                let text: String = (0..reader.next).map(fragment).collect();
                prop_assert_eq!(&reader.text, &text);
            }
        }
        stream.end(None);
        for reader in &mut readers {
            reader.read(&stream, &all, usize::MAX);
            prop_assert!(reader.is_over);
            prop_assert_eq!(&reader.text, &log);
        }
        drop(readers);
        prop_assert_eq!(all.count.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_reader_that_the_ring_overtakes_reads_on_in_the_log() {
    use crate::config::{Fsync, StoreConfig};
    use crate::store::file::FileLog;

    let folder = std::env::temp_dir().join(format!("midstream-viewers-{}", crate::streams::StreamId::new()));
    let config = StoreConfig { fsync: Fsync::Never, ..StoreConfig::default() };
    let store: Arc<dyn StreamStore> = Arc::new(FileLog::open(&folder, &config, |_| Vec::new()).unwrap());
    let metrics = Arc::new(crate::metrics::Metrics::new());
    let streams = crate::streams::Streams::new(config.keep(), Some((Arc::clone(&store), metrics)), Arc::default());
    let stream = started(&streams);
    for round in 0..4_u64 {
        stream.append((0..2000).map(|_| "{}".to_owned()));
        let brought = stream.follow().wait_for(|last| last.durable == (round + 1) * 2000).await.map(|_| ());
        brought.unwrap();
    }
    let seat = Seat::take(Subject::Here(Arc::clone(&stream)), &streams.viewers, (1, 1)).unwrap();
    let mut viewer = Viewer::new((Arc::clone(&stream), seat), Some(store), 5, Mode::Norm);
    let mut numbers = Vec::new();
    while numbers.last() != Some(&7999) {
        match viewer.next().await.unwrap() {
            Told::Event(event) => numbers.push(event.sequence),
            Told::Mark("midstream.durable", ..) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(numbers, (5..8000).collect::<Vec<_>>());
    stream.end(None);
    streams.settle().await;
    let _ = std::fs::remove_dir_all(&folder);
}
