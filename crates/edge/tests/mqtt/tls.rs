//! Encrypted connections, with certificates that the test makes.

use crate::broker::Broker;
use crate::support::{Running, Sender, World, event, settings};
use edge::mqtt::{Settings, Tls, Version};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority, and its certificate in PEM form.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `name` and its key, in PEM form.
    fn certificate(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A broker that talks only to those who have a certificate of `authority`.
fn start(authority: &Authority) -> Option<Broker> {
    let (certificate, key) = authority.certificate("127.0.0.1");
    Broker::with(|directory| {
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let ca = file("ca.pem", &authority.pem);
        let (certificate, key) = (file("broker.pem", &certificate), file("broker.key", &key));
        let files = format!("cafile {ca}\ncertfile {certificate}\nkeyfile {key}\n");
        format!("allow_anonymous true\nrequire_certificate true\n{files}")
    })
}

fn encrypted(broker: &Broker, version: Version, authority: &Authority, client: Option<(String, String)>) -> Settings {
    let mut settings = settings(broker, version);
    settings.url = format!("mqtts://127.0.0.1:{}", broker.port);
    let client = client.map(|(certificate, key)| (certificate.into_bytes(), key.into_bytes()));
    settings.tls = Tls { authorities: Some(authority.pem.clone().into_bytes()), client };
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_over_tls_with_certificates_on_both_sides() {
    let authority = Authority::new();
    let Some(broker) = start(&authority) else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let client = Some(authority.certificate("stocktide"));
        let client = Running::connected(encrypted(&broker, version, &authority, client), world.intake()).await;
        let sender = Sender::with_tls(&broker, &authority.pem, authority.certificate("sender"));
        for number in 0..20 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        client.until("all taken", |status| status.counters().acknowledged == 20).await;
        assert_eq!(world.entries(), 20, "{version:?}");
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_another_authority_and_a_client_without_a_certificate_are_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let Some(broker) = start(&authority) else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let client = Some(authority.certificate("stocktide"));
        let strange = Running::start(encrypted(&broker, version, &other, client), world.intake());
        strange.until("refused", |status| status.problem().is_some()).await;
        let problem = strange.status.problem().unwrap();
        assert!(problem.contains("certificate"), "{problem}");
        let bare = Running::start(encrypted(&broker, version, &authority, None), world.intake());
        bare.until("refused", |status| status.problem().is_some()).await;
        assert_eq!((strange.counters().connections, bare.counters().connections), (0, 0));
        strange.stop().await;
        bare.stop().await;
    }
}
