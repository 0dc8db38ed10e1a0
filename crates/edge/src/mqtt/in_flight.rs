//! Messages on their way: taken in side by side, acknowledged in the order in which they came, as MQTT asks.

use super::Taken;
use super::connection::Receipt;
use std::collections::VecDeque;
use tokio::task::{JoinError, JoinHandle};

/// One message on its way.
struct Flight {
    receipt: Receipt,
    bytes: usize,
    taking: JoinHandle<Taken>,
}

/// All messages on their way. Dropping it gives up those that wait; what the intake has already stays there.
#[derive(Default)]
pub(super) struct InFlight {
    flights: VecDeque<Flight>,
    bytes: usize,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        for flight in &self.flights {
            flight.taking.abort();
        }
    }
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, receipt: Receipt, bytes: usize, taking: JoinHandle<Taken>) {
        self.bytes += bytes;
        self.flights.push_back(Flight { receipt, bytes, taking });
    }

    /// Waits for the oldest message; for ever if there is none. Giving up waiting loses nothing.
    ///
    /// # Errors
    /// Its taking failed in a way that it never should.
    pub(super) async fn next(&mut self) -> Result<(Receipt, Taken), JoinError> {
        let Some(first) = self.flights.front_mut() else { return std::future::pending().await };
        let taken = (&mut first.taking).await;
        let flight = self.flights.pop_front().expect("the oldest is still there: nobody else takes it");
        self.bytes -= flight.bytes;
        Ok((flight.receipt, taken?))
    }
}
