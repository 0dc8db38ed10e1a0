//! MQTT 5.

use super::{Arrival, Event, Receipt};
use crate::error::chain;
use crate::mqtt::settings::{PACKET_BYTES_MAX, Plan};
use rumqttc_v5::{
    AckMode, AsyncClient, Event as Happened, EventLoop, LastWill, MqttOptions, Packet, PersistedAckMode,
    PersistedSession, PublishOptions, QoS, RetainForwardRule, SessionStore, SessionStoreError, SessionStoreKey,
    SubscribeFilterInput, SubscribeReasonCode, TlsConfiguration, Transport,
};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use wire::sparkplug::Publish;

pub(super) fn open(
    plan: &Plan,
    will: Option<Publish>,
    requests_max: usize,
    events: Sender<Event>,
) -> Result<(AsyncClient, JoinHandle<()>), String> {
    let options = options(plan, will)?;
    let built = AsyncClient::builder(options).capacity(requests_max).try_build();
    let (client, polled) = built.map_err(|error| error.to_string())?;
    let polling = tokio::spawn(poll(client.clone(), polled, events));
    Ok((client, polling))
}

fn options(plan: &Plan, will: Option<Publish>) -> Result<MqttOptions, String> {
    let (settings, address) = (&plan.settings, &plan.address);
    let mut options = MqttOptions::new(settings.client_id.clone(), (address.host.clone(), address.port));
    options.set_keep_alive(settings.keep_alive_seconds).set_ack_mode(AckMode::Manual);
    let is_host = settings.sparkplug.is_some();
    options.set_clean_start(is_host);
    options.set_session_expiry_interval(Some(if is_host { 0 } else { settings.session_expiry_seconds }));
    if !is_host {
        options.set_session_store(NothingSent { session_expiry_seconds: settings.session_expiry_seconds });
    }
    options.set_receive_maximum(Some(settings.in_flight_max));
    options.set_max_packet_size(Some(PACKET_BYTES_MAX));
    if let Some(credentials) = &settings.credentials {
        options.set_credentials(credentials.username.clone(), credentials.password.clone());
    }
    if let Some(Publish { topic, payload, qos, retain }) = will {
        options.set_last_will(LastWill::new(topic, payload, quality(qos), retain, None));
    }
    if address.is_tls {
        let configuration = match &settings.tls.authorities {
            Some(ca) => {
                TlsConfiguration::Simple { ca: ca.clone(), alpn: None, client_auth: settings.tls.client.clone() }
            }
            None => TlsConfiguration::try_default_rustls()
                .map_err(|error| format!("the machine's trusted certificates: {error}"))?,
        };
        options.set_transport(Transport::Tls(configuration));
    }
    Ok(options)
}

/// Our part of a session that the broker kept: nothing. We send nothing that would have to be sent again, and what we
/// received is in the ledger, which knows it again. Without saying so the library takes no session up.
#[derive(Debug)]
struct NothingSent {
    session_expiry_seconds: u32,
}

type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

impl SessionStore for NothingSent {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Stored<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: Some(self.session_expiry_seconds),
            outgoing_inflight_upper_limit: None,
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Some(session))))
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Polls until the connection is lost or nobody listens.
async fn poll(client: AsyncClient, mut polled: EventLoop, events: Sender<Event>) {
    loop {
        let event = match polled.poll().await {
            Ok(Happened::Incoming(Packet::ConnAck(_))) => Event::Connected,
            Ok(Happened::Incoming(Packet::SubAck(answer))) => Event::Subscribed(refusals(&answer.return_codes)),
            Ok(Happened::Incoming(Packet::Publish(publish))) => {
                let receipt = client.prepare_ack(&publish).map_or(Receipt::None, Receipt::V5);
                let content_type = publish
                    .properties
                    .as_ref()
                    .and_then(|properties| properties.content_type.as_deref())
                    .map(Arc::from);
                Event::Arrived(Arrival { topic: publish.topic, payload: publish.payload, content_type, receipt })
            }
            Ok(Happened::Incoming(Packet::Disconnect(why))) => {
                Event::Lost(format!("the broker ended it: {:?}", why.reason_code))
            }
            Ok(_) => continue,
            Err(error) => Event::Lost(chain(&error)),
        };
        let is_last = matches!(event, Event::Lost(_));
        if events.send(event).await.is_err() || is_last {
            return;
        }
    }
}

const fn quality(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        _ => QoS::AtLeastOnce,
    }
}

fn refusals(answers: &[SubscribeReasonCode]) -> Vec<(usize, String)> {
    let refused = answers.iter().enumerate().filter(|(_, answer)| !matches!(answer, SubscribeReasonCode::Success(_)));
    refused.map(|(index, answer)| (index, format!("{answer:?}"))).collect()
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[(String, u8)]) -> Result<(), String> {
    let filters = filters.iter().map(|(filter, qos)| {
        // What was kept for latecomers is not sent at each new connection, only when the subscription is new.
        SubscribeFilterInput::new(filter.clone(), quality(*qos)).retain_forward_rule(RetainForwardRule::OnNewSubscribe)
    });
    client.try_subscribe_many(filters).map_err(|error| error.to_string())
}

pub(super) fn publish(client: &AsyncClient, publish: Publish) -> Result<(), String> {
    let options = PublishOptions::new(quality(publish.qos)).retain(publish.retain);
    client.try_publish(publish.topic, publish.payload, options).map_err(|error| error.to_string())
}

pub(super) async fn deliver(client: &AsyncClient, publish: Publish) -> Result<(), String> {
    let options = PublishOptions::new(quality(publish.qos)).retain(publish.retain);
    let notice = client.publish_tracked(publish.topic, publish.payload, options).await;
    let notice = notice.map_err(|error| error.to_string())?;
    notice.wait_completion_async().await.map(|_| ()).map_err(|error| error.to_string())
}

pub(super) async fn close(client: &AsyncClient, last: Option<Publish>) {
    if let Some(last) = last {
        let options = PublishOptions::new(quality(last.qos)).retain(last.retain);
        if let Ok(notice) = client.publish_tracked(last.topic, last.payload, options).await {
            // Whether the broker has it or not, there is nothing left to do but leave.
            let _ = notice.wait_completion_async().await;
        }
    }
    // A connection that is gone already needs no leave.
    let _ = client.disconnect().await;
}
