//! Which requests a channel hears of.

use gate_protocol::channel::{ChannelSettings, WebhookSettings};
use serde_json::{Value, json};

use super::peer::{self, Call, Peer};
use super::stage::{Stage, channel};
use super::webhooks::SECRET;
use crate::tests::bench::submission;

/// A webhook that hears of these effects only.
async fn hears_of(peer: &Peer, effects: &[&str]) -> Stage {
    let settings = ChannelSettings::Webhook(WebhookSettings { url: peer.url() });
    Stage::with(
        |dir| {
            let mut hook = channel(dir, "hook", settings, &[("signing_secret", SECRET)]);
            hook.spec.filter.effects = effects.iter().map(|one| (*one).to_owned()).collect();
            vec![hook]
        },
        |_| {},
    )
    .await
}

/// Returns what the webhook was told of since the last time.
async fn told(stage: &Stage, peer: &Peer) -> Vec<Value> {
    stage.deliver().await;
    let calls = peer.take();
    let target = |call: &Call| call.json()["data"]["request"]["target"][0].clone();
    calls.iter().map(target).collect()
}

#[tokio::test]
async fn a_filter_by_effects_goes_by_the_words_and_by_the_client_whichever_is_stricter() {
    let peer = Peer::start(|_| peer::json(200, &json!({}))).await;
    let stage = hears_of(&peer, &["destroy", "access"]).await;
    // It deletes a namespace, whatever it is said to do.
    for effect in ["read", "write", "destroy"] {
        let mut wanted = submission(effect);
        effect.clone_into(&mut wanted.invocation.effect);
        wanted.digest = wanted.invocation.digest().unwrap();
        stage.submit(&stage.setup.agent, &wanted).await.request();
        let expected = json!(format!("namespace: {effect}"));
        assert_eq!(told(&stage, &peer).await, [expected], "{effect}");
    }
    // It labels one: the client's word counts where it is the stricter one, or unheard of.
    for (effect, is_told) in [
        ("write", false),
        ("secret", false),
        ("access", true),
        ("destroy", true),
        ("unheard-of", true),
    ] {
        stage.asks_to_label(effect, effect).await;
        let heard = told(&stage, &peer).await;
        assert_eq!(!heard.is_empty(), is_told, "{effect}: {heard:?}");
    }
}
