//! What is counted of checks beside the data path.

use std::fmt;

use midstream_worker::{Pool, PoolCounts};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

/// The counts of a pool, as they are when somebody asks.
#[derive(Debug)]
pub(super) struct OfDeferred(pub(super) Pool);

impl Collector for OfDeferred {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Checks beside the data path, by what came of them";
        let mut family = encoder.encode_descriptor("deferred", help, None, MetricType::Counter)?;
        let PoolCounts { done, dropped, failed, late, refused } = self.0.counts();
        let results = [("done", done), ("dropped", dropped), ("failed", failed), ("late", late), ("refused", refused)];
        for (result, count) in results {
            ConstCounter::new(count).encode(family.encode_family(&[("result", result)])?)?;
        }
        Ok(())
    }
}
