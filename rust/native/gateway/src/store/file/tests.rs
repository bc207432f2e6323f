use std::fs;

use super::*;
use crate::config::Fsync;
use crate::store::conformance::{Folder, all, events, file, finished, meta};
use crate::streams::End;

/// The only file of the log.
fn path(folder: &Folder) -> std::path::PathBuf {
    folder.0.join("000000000000.log")
}

fn sequences(entries: Vec<Result<Entry, StoreError>>) -> Vec<Seq> {
    let sequence = |entry| match entry {
        Ok(Entry::Event(event)) => event.sequence,
        other => panic!("{other:?}"),
    };
    entries.into_iter().map(sequence).collect()
}

#[tokio::test]
async fn a_stream_whose_process_died_has_its_events_and_a_failed_end() {
    let folder = Folder::new();
    let log = file(&folder, Fsync::Always);
    let lease = log.acquire(meta()).await.unwrap();
    log.append(&lease, 0, &events(0..7)).await.unwrap();
    let copy = Folder::new();
    fs::create_dir_all(&copy.0).unwrap();
    fs::copy(path(&folder), path(&copy)).unwrap();
    let again = file(&copy, Fsync::Always);
    assert_eq!(sequences(all(&again, &lease.id, 3).await), [3, 4, 5, 6]);
    let status = again.status(&lease.id).await.unwrap().finished.unwrap();
    assert_eq!((status.end, status.next), (End::new("failed", Some("owner_lost")), 7));
    let shown: serde_json::Value = serde_json::from_str(&status.shown).unwrap();
    assert_eq!((&shown["end"]["cause"], &shown["events"]), (&"owner_lost".into(), &7.into()));
}

#[tokio::test]
async fn a_torn_tail_is_cut_at_every_byte_and_the_log_goes_on() {
    let folder = Folder::new();
    let log = file(&folder, Fsync::Never);
    let lease = log.acquire(meta()).await.unwrap();
    log.append(&lease, 0, &events(0..2)).await.unwrap();
    let whole = fs::metadata(path(&folder)).unwrap().len() as usize;
    log.append(&lease, 2, &events(2..4)).await.unwrap();
    let bytes = fs::read(path(&folder)).unwrap();
    for length in whole..bytes.len() {
        let copy = Folder::new();
        fs::create_dir_all(&copy.0).unwrap();
        fs::write(path(&copy), &bytes[..length]).unwrap();
        let again = file(&copy, Fsync::Never);
        assert_eq!(sequences(all(&again, &lease.id, 0).await), [0, 1], "cut at {length}");
        let next = again.acquire(meta()).await.unwrap();
        again.append(&next, 0, &events(0..1)).await.unwrap();
        drop(again);
        let third = reopened(&copy).await;
        assert_eq!(sequences(all(&third, &next.id, 0).await), [0], "cut at {length}");
    }
}

/// The log once its last user has let go.
async fn reopened(folder: &Folder) -> FileLog {
    let config = StoreConfig::default();
    for _ in 0..2000 {
        match FileLog::open(&folder.0, &config, |_| Vec::new()) {
            Ok(log) => return log,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
    panic!("the folder is still used");
}

#[tokio::test]
async fn a_folder_is_used_by_one_process() {
    let folder = Folder::new();
    let _log = file(&folder, Fsync::Never);
    let refused = FileLog::open(&folder.0, &StoreConfig::default(), |_| Vec::new()).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
}

#[tokio::test]
async fn old_files_go_and_readers_are_told() {
    let folder = Folder::new();
    let config = StoreConfig { max_bytes: 1 << 16, fsync: Fsync::Never, ..StoreConfig::default() };
    let log = FileLog::open(&folder.0, &config, |_| Vec::new()).unwrap();
    let (ended, lease) = (log.acquire(meta()).await.unwrap(), log.acquire(meta()).await.unwrap());
    let gone = ended.id.clone();
    log.finalize(ended, finished(0)).await.unwrap();
    for first in (0..5000).step_by(50) {
        log.append(&lease, first, &events(first..first + 50)).await.unwrap();
    }
    let id = lease.id.clone();
    log.finalize(lease, finished(5000)).await.unwrap();
    let mut entries = all(&log, &id, 0).await;
    let Ok(Entry::Lagged(oldest)) = entries.remove(0) else { panic!("not told") };
    assert_eq!(sequences(entries), (oldest..5000).collect::<Vec<_>>());
    let used: u64 = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(used < 2 << 16, "{used} bytes");
    assert_eq!(log.status(&gone).await.map(|status| status.next), Err(StoreError::Unknown));
    drop(log);
    let again = reopened(&folder).await;
    assert_eq!(again.status(&id).await.unwrap().next, 5000);
}

#[tokio::test]
async fn events_that_the_log_did_not_get_are_told_before_the_end() {
    let folder = Folder::new();
    let log = file(&folder, Fsync::Never);
    let lease = log.acquire(meta()).await.unwrap();
    log.append(&lease, 0, &events(0..2)).await.unwrap();
    let id = lease.id.clone();
    log.finalize(lease, finished(9)).await.unwrap();
    let mut entries = all(&log, &id, 0).await;
    assert_eq!(entries.pop(), Some(Ok(Entry::Lagged(9))));
    assert_eq!(sequences(entries), [0, 1]);
}

/// A log of streams of one record of events each, and what its file holds.
async fn logged(count: usize) -> (Vec<StreamId>, Vec<u8>) {
    let folder = Folder::new();
    let log = file(&folder, Fsync::Never);
    let mut ids = Vec::new();
    for _ in 0..count {
        let lease = log.acquire(meta()).await.unwrap();
        for first in [0, 2, 4] {
            log.append(&lease, first, &events(first..first + 2)).await.unwrap();
        }
        ids.push(lease.id.clone());
        let last = finished(6);
        let shown = serde_json::to_string(&meta()).unwrap();
        log.finalize(lease, Finished { shown, ..last }).await.unwrap();
    }
    (ids, fs::read(path(&folder)).unwrap())
}

fn opened(bytes: &[u8]) -> (Folder, FileLog) {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(path(&folder), bytes).unwrap();
    let log = file(&folder, Fsync::Never);
    (folder, log)
}

/// The numbers that a reader gets of six, and those that it is told to lack.
async fn read(log: &FileLog, id: &StreamId) -> (Vec<Seq>, Seq) {
    let (mut got, mut lacks, mut next) = (Vec::new(), 0, 0);
    for entry in all(log, id, 0).await {
        match entry.unwrap() {
            Entry::Event(event) => {
                assert_eq!(event.sequence, next);
                got.push(next);
                next += 1;
            }
            Entry::Lagged(oldest) => {
                lacks += oldest - next;
                next = oldest;
            }
        }
    }
    assert_eq!(got.len() as u64 + lacks, next);
    (got, lacks)
}

#[tokio::test]
async fn a_damaged_byte_costs_its_record_and_no_other_wherever_it_is() {
    let (ids, bytes) = logged(3).await;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let (folder, log) = opened(&changed);
        // The length of the last one, where it is more now, cannot be told from that of one that is torn.
        if log.damage.bytes == 0 {
            let is_last =
                |begin: usize| record::read(&bytes[begin..]).is_some_and(|record| begin + record.length == bytes.len());
            assert!((at - 3..=at).any(is_last), "byte {at}");
            continue;
        }
        let (mut ended, mut lost) = (0, 0);
        for id in &ids {
            let Ok(Some(last)) = log.status(id).await.map(|status| status.finished) else { continue };
            ended += usize::from(last.end.state == "complete");
            let (got, lacks) = read(&log, id).await;
            assert_eq!(last.next.max(got.len() as u64 + lacks), 6, "byte {at}");
            lost += lacks;
        }
        assert!(ended >= 2 && lost <= 2, "byte {at}: {ended} ends, {lost} lost");
        let told: u64 = log.damage.streams.iter().map(|(_, lost)| lost).sum();
        assert_eq!(told, lost, "byte {at}: {:?}", log.damage);
        assert_eq!(fs::read(path(&folder)).unwrap()[..bytes.len()], changed, "byte {at}");
    }
}

#[tokio::test]
async fn behind_a_damaged_end_the_log_goes_on() {
    let (ids, mut bytes) = logged(2).await;
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    let (folder, log) = opened(&bytes);
    assert_eq!(log.damage.streams, [(ids[1].clone(), 0)]);
    let end = log.status(&ids[1]).await.unwrap().finished.unwrap().end;
    assert_eq!(end, End::new("failed", Some("owner_lost")));
    let lease = log.acquire(meta()).await.unwrap();
    log.append(&lease, 0, &events(0..2)).await.unwrap();
    drop(log);
    let again = reopened(&folder).await;
    assert_eq!(sequences(all(&again, &lease.id, 0).await), [0, 1]);
    assert_eq!(sequences(all(&again, &ids[1], 0).await), (0..6).collect::<Vec<_>>());
}
