//! Channels and what they delivered.

use gate_protocol::channel::{
    ChannelEntry, ChannelFilter, ChannelPage, ChannelSettings, ChannelSource, ChannelSpec,
    CreateChannel, DeliveryEntry, DeliveryPage, DeliveryState, MailSecurity, MailSettings,
    SlackSettings, TeamsSettings, TeamsWorkflowSettings, TestedChannel, WebhookSettings,
};

use crate::at;

pub(crate) fn filter() -> ChannelFilter {
    ChannelFilter {
        approvers: vec!["group:dba".to_owned()],
        effects: vec!["destroy".to_owned()],
        target: [("namespace".to_owned(), "prod".to_owned())].into(),
    }
}

pub(crate) fn slack() -> SlackSettings {
    SlackSettings {
        app_id: "A0123456789".to_owned(),
        team_id: "T0123456789".to_owned(),
        conversation: "C0123456789".to_owned(),
        link_only: vec!["destroy".to_owned()],
        api_url: Some("https://slack.example/api".to_owned()),
    }
}

pub(crate) fn teams() -> TeamsSettings {
    TeamsSettings {
        app_id: "11111111-0000-4000-8000-000000000001".to_owned(),
        tenant_id: "22222222-0000-4000-8000-000000000002".to_owned(),
        service_url: "https://smba.trafficmanager.net/emea/".to_owned(),
        conversation: "19:ops@thread.tacv2".to_owned(),
        link_only: vec!["destroy".to_owned()],
        login_url: Some("https://login.example".to_owned()),
        metadata_url: Some("https://login.example/metadata".to_owned()),
    }
}

pub(crate) fn workflow() -> TeamsWorkflowSettings {
    TeamsWorkflowSettings {}
}

pub(crate) fn mail() -> MailSettings {
    MailSettings {
        host: "smtp.example.com".to_owned(),
        port: 587,
        security: security(),
        username: Some("gate".to_owned()),
        from: "gate <gate@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned()],
    }
}

pub(crate) fn security() -> MailSecurity {
    MailSecurity::Starttls
}

pub(crate) fn webhook() -> WebhookSettings {
    WebhookSettings {
        url: "https://siem.example.com/gate".to_owned(),
    }
}

pub(crate) fn settings() -> ChannelSettings {
    ChannelSettings::Slack(slack())
}

pub(crate) fn spec() -> ChannelSpec {
    ChannelSpec {
        name: "ops".to_owned(),
        filter: filter(),
        settings: settings(),
    }
}

pub(crate) fn create() -> CreateChannel {
    CreateChannel {
        channel: spec(),
        secrets: [("bot_token".to_owned(), "xoxb-1".to_owned())].into(),
    }
}

pub(crate) fn entry() -> ChannelEntry {
    ChannelEntry {
        channel: spec(),
        source: ChannelSource::Api,
        secrets: vec!["bot_token".to_owned(), "signing_secret".to_owned()],
        waiting: 1,
        dead: 2,
    }
}

pub(crate) fn delivery() -> DeliveryEntry {
    DeliveryEntry {
        id: "019b2000-0000-7000-8000-000000000009".to_owned(),
        channel: "ops".to_owned(),
        event: "request.pending".to_owned(),
        request: Some("019b2000-0000-7000-8000-000000000001".parse().unwrap()),
        version: 1,
        state: DeliveryState::Dead,
        attempts: 20,
        next_at: at("2026-01-02T03:04:05Z"),
        created_at: at("2026-01-02T03:04:05Z"),
        done_at: Some(at("2026-01-02T04:04:05Z")),
        answer: Some("answered 503".to_owned()),
    }
}

pub(crate) fn page() -> DeliveryPage {
    DeliveryPage {
        deliveries: vec![delivery()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn tested() -> TestedChannel {
    TestedChannel {
        delivered: true,
        answer: "answered 200".to_owned(),
    }
}

pub(crate) fn channels() -> ChannelPage {
    ChannelPage {
        channels: vec![entry()],
        next: Some(crate::cursor()),
    }
}
