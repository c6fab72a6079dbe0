//! What docs/channels.md lists is what there is.

use gate_protocol::channel::{
    ChannelSettings, MailSecurity, MailSettings, SlackSettings, TeamsSettings, WebhookSettings,
};

use crate::service::What;

fn paper() -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::fs::read_to_string(format!("{root}/docs/channels.md")).unwrap()
}

#[test]
fn each_thing_that_is_told_by_itself_is_in_the_docs() {
    let paper = paper();
    let types = paper.split("## Webhooks").nth(1).unwrap();
    let all = [
        What::Asked,
        What::BreakGlassAsked,
        What::ApprovedUnasked,
        What::Reviewed,
        What::Reopened,
        What::Escalated,
        What::Reminded,
        What::BreakGlassUsed,
    ];
    let words: Vec<&str> = all.into_iter().filter_map(What::occasion).collect();
    assert_eq!(words.len(), 5);
    for word in words {
        assert!(types.contains(&format!("`request.{word}`")), "{word}");
    }
}

/// Returns one channel of each kind that has settings, with all that it can have.
fn all_kinds() -> Vec<ChannelSettings> {
    let text = || "x".to_owned();
    let some = || Some(text());
    vec![
        ChannelSettings::Slack(SlackSettings {
            app_id: text(),
            team_id: text(),
            conversation: text(),
            link_only: Vec::new(),
            api_url: some(),
        }),
        ChannelSettings::Teams(TeamsSettings {
            app_id: text(),
            tenant_id: text(),
            service_url: text(),
            conversation: text(),
            link_only: Vec::new(),
            login_url: some(),
            metadata_url: some(),
        }),
        ChannelSettings::Mail(MailSettings {
            host: text(),
            port: 1,
            security: MailSecurity::Tls,
            username: some(),
            from: text(),
            to: Vec::new(),
        }),
        ChannelSettings::Webhook(WebhookSettings { url: text() }),
    ]
}

#[test]
fn each_setting_of_a_kind_is_in_its_part_of_the_docs() {
    let paper = paper();
    let headings = ["## Slack", "## Microsoft Teams", "## Mail", "## Webhooks"];
    for (settings, heading) in all_kinds().iter().zip(headings) {
        // What a kind is made by stands in the example above all kinds too.
        let made = paper.split("## Making a channel").nth(1).unwrap();
        let made = made.split("\n## ").next().unwrap();
        let own = paper.split(heading).nth(1).unwrap();
        let own = own.split("\n## ").next().unwrap();
        let settings = serde_json::to_value(settings).unwrap();
        for key in settings.as_object().unwrap().keys() {
            let is_in = |text: &str| {
                text.contains(&format!("`{key}`")) || text.contains(&format!("\n{key} = "))
            };
            assert!(is_in(own) || is_in(made), "{heading}: {key}");
        }
    }
}
