//! One scrape: all that is counted, and how things stand.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::process;
use super::text::{Kind, Text, count};
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::standing::{self, Standing};

/// The type of what a scrape answers with.
pub(crate) const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Server {
    /// Returns everything that is measured, in Prometheus's text format. Where the store does not
    /// answer, what it would say is left out, and `gate_store_up` is 0.
    pub(crate) async fn scrape(&self) -> String {
        let mut text = Text::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        text.family("gate_build_info", Kind::Gauge, "The version that runs.")
            .sample(&version, 1.0);
        self.write_calls(&mut text);
        self.write_records(&mut text);
        self.write_timing(&mut text);
        self.write_standby(&mut text);
        let standing = self.standing().await;
        let is_up = standing.is_ok();
        let help = "Whether the store answers.";
        text.gauge("gate_store_up", help, f64::from(u8::from(is_up)));
        let is_ready = self.readiness().await.is_ready();
        let help = "Whether the server is ready, as /readyz says.";
        text.gauge("gate_ready", help, f64::from(u8::from(is_ready)));
        if let Ok(standing) = standing {
            write_requests(&mut text, &standing);
            write_log(&mut text, &standing);
        }
        process::write(&mut text);
        text.finish()
    }

    async fn standing(&self) -> Result<Standing, Failure> {
        let mut reader = self.store.read().await?;
        Ok(standing::now(reader.connection()).await?)
    }

    fn write_calls(&self, text: &mut Text) {
        let counted = &*self.metrics.0;
        let help = "Calls that were answered, by method and status.";
        let mut calls = text.family("gate_calls_total", Kind::Counter, help);
        for ([method, code], number) in counted.calls.all() {
            calls.sample(&[("method", &method), ("code", &code)], count(number));
        }
        let help = "How long calls took: those that look, that change something, that wait.";
        let mut seconds = text.family("gate_call_seconds", Kind::Histogram, help);
        for (kind, histogram) in ["look", "change", "wait"].iter().zip(&counted.call_seconds) {
            seconds.histogram(("kind", kind), histogram);
        }
        let signed = |number: i64| count(u64::try_from(number).unwrap_or(0));
        let running = signed(counted.calls_running.load(Ordering::Relaxed));
        text.gauge("gate_calls_running", "Calls that are going on.", running);
        let open = signed(counted.connections.load(Ordering::Relaxed));
        text.gauge("gate_connections", "Connections that are open.", open);
        let help = "Calls that were not let in, by what was too much.";
        let mut refused = text.family("gate_refused_calls_total", Kind::Counter, help);
        for ([why], number) in counted.refused.all() {
            refused.sample(&[("why", &why)], count(number));
        }
        let waiters = count(self.waiters.waiting());
        text.gauge(
            "gate_waiters",
            "Polls that wait for a request to change.",
            waiters,
        );
    }

    fn write_records(&self, text: &mut Text) {
        let counted = &*self.metrics.0;
        let help = "Audit records that this server appended, by type.";
        let mut records = text.family("gate_records_total", Kind::Counter, help);
        for ([record_type], number) in counted.records.all() {
            records.sample(&[("type", &record_type)], count(number));
        }
        let help = "Answers of people that counted.";
        let mut decisions = text.family("gate_decisions_total", Kind::Counter, help);
        for ([answer], number) in counted.decisions.all() {
            decisions.sample(&[("answer", &answer)], count(number));
        }
        let help = "Requests that were turned into a grant at this server.";
        let claims = counted.records.all();
        let claims = claims.iter().find(|([name], _)| name == "grant.claimed");
        text.family("gate_claims_total", Kind::Counter, help)
            .sample(&[], count(claims.map_or(0, |(_, number)| *number)));
        let help = "Spans for the collector, by what became of them.";
        let mut spans = text.family("gate_spans_total", Kind::Counter, help);
        for ([outcome], number) in counted.spans.all() {
            spans.sample(&[("outcome", &outcome)], count(number));
        }
    }

    /// Writes how the standby is, as it was found last, where there is one.
    fn write_standby(&self, text: &mut Text) {
        let Some(standby) = &self.standby else {
            return;
        };
        let found = standby.found();
        let is_fit = f64::from(u8::from(found.is_ok()));
        let help = "Whether history is read from the standby.";
        text.gauge("gate_standby_usable", help, is_fit);
        if let Ok(as_of) = found {
            let help = "Records of the log that the standby has.";
            text.gauge("gate_standby_records", help, count(as_of.records));
            let help = "For how many seconds the standby lacks the oldest record that it lacks.";
            text.gauge("gate_standby_lag_seconds", help, as_of.lag.as_secs_f64());
        }
        let help =
            "Reads of history, by the database that answered and why it was not the standby.";
        let mut reads = text.family("gate_history_reads_total", Kind::Counter, help);
        for ([from, why], number) in self.metrics.0.past_reads.all() {
            reads.sample(&[("from", &from), ("why", &why)], count(number));
        }
    }

    fn write_timing(&self, text: &mut Text) {
        let help = "How long the store took: the writer's turn, a change, its commit, a read, \
                    a look at a row.";
        let mut seconds = text.family("gate_store_seconds", Kind::Histogram, help);
        for (operation, histogram) in self.store.timing.all() {
            seconds.histogram(("operation", operation), histogram);
        }
    }
}

fn write_requests(text: &mut Text, standing: &Standing) {
    let help = "Requests that can still change, by status.";
    let mut open = text.family("gate_requests_open", Kind::Gauge, help);
    for (status, number) in &standing.requests {
        open.sample(&[("status", status)], count(*number));
    }
    let help = "Changes that channels have not been told of.";
    text.gauge("gate_outbox_entries", help, count(standing.outbox));
    let help = "Deliveries that are kept, by channel and state.";
    let mut deliveries = text.family("gate_deliveries", Kind::Gauge, help);
    for (channel, state, number) in &standing.deliveries {
        deliveries.sample(&[("channel", channel), ("state", state)], count(*number));
    }
}

fn write_log(text: &mut Text, standing: &Standing) {
    let help = "How often the server was begun anew from a copy, from 1.";
    text.gauge("gate_epoch", help, count(standing.epoch));
    let help = "Records in the audit log.";
    text.gauge("gate_log_records", help, count(standing.log_size));
    if let Some((size, at)) = standing.checkpoint {
        let help = "Records that the newest checkpoint is over.";
        text.gauge("gate_checkpoint_records", help, count(size));
        let help = "Seconds since the newest checkpoint was signed.";
        text.gauge("gate_checkpoint_age_seconds", help, age(at));
    }
    let help = "Records that a witness signed for last.";
    let mut signed = text.family("gate_witness_records", Kind::Gauge, help);
    for witness in &standing.witnesses {
        signed.sample(&[("witness", &witness.label)], count(witness.size));
    }
    let help = "Seconds since a witness signed last.";
    let mut ages = text.family("gate_witness_age_seconds", Kind::Gauge, help);
    for witness in &standing.witnesses {
        ages.sample(&[("witness", &witness.label)], age(witness.at));
    }
}

fn age(at: Timestamp) -> f64 {
    clock::now().duration_since(at).as_secs_f64().max(0.0)
}
