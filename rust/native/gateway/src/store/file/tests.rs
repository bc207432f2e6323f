use std::fs;

use super::*;
use crate::config::Fsync;
use crate::store::conformance::{Folder, all, events, file, finished, meta};

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
        match FileLog::open(&folder.0, &config) {
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
    let refused = FileLog::open(&folder.0, &StoreConfig::default()).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
}

#[tokio::test]
async fn old_files_go_and_readers_are_told() {
    let folder = Folder::new();
    let config = StoreConfig { max_bytes: 1 << 16, fsync: Fsync::Never, ..StoreConfig::default() };
    let log = FileLog::open(&folder.0, &config).unwrap();
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
