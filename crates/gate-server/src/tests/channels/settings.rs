//! Channels of the settings file, and what is wrong with them in words.

use gate_protocol::channel::ChannelSettings;

use crate::settings::{Settings, SettingsError};

fn read(text: &str) -> Result<Settings, SettingsError> {
    Settings::new("data", "https://gate.example").with_toml(text)
}

const SLACK: &str = "[[channel]]\nname = 'ops'\nkind = 'slack'\napp_id = 'A1'\nteam_id = 'T1'\n\
                     conversation = 'C1'\nbot_token_file = '/etc/gate-server/bot'\n";

#[test]
fn a_channel_of_the_file_is_what_its_table_says() {
    let text = format!(
        "{SLACK}signing_secret_file = '/etc/gate-server/sign'\nfor = ['group:dba']\n\
         effects = ['write']\ntarget = {{ namespace = 'prod' }}\n\
         [outbound]\nallow_private = ['10.0.0.0/8']\n"
    );
    let settings = read(&text).unwrap();
    let channel = &settings.channels[0];
    assert_eq!(channel.spec.name, "ops");
    assert_eq!(channel.spec.filter.approvers, ["group:dba"]);
    assert_eq!(channel.spec.filter.target["namespace"], "prod");
    let ChannelSettings::Slack(slack) = &channel.spec.settings else {
        panic!("{:?}", channel.spec);
    };
    assert_eq!(
        slack.link_only,
        ["destroy", "access", "secret", "execute", "unknown"]
    );
    assert_eq!(
        channel.secret_files["bot_token"].to_str(),
        Some("/etc/gate-server/bot")
    );
    assert_eq!(settings.outbound.allow_private.len(), 1);
}

#[test]
fn a_mistake_in_a_channel_names_the_channel_and_the_field() {
    let signed = format!("{SLACK}signing_secret_file = '/s'\n");
    let webhook = "[[channel]]\nname = 'h'\nkind = 'webhook'\nsigning_secret_file = '/s'\n";
    for (text, words) in [
        (
            SLACK.to_owned(),
            "`ops`: needs one of the secrets `signing_secret`",
        ),
        (signed.replace("A1", "x"), "`app_id`"),
        (signed.replace("'C1'", "'#ops'"), "`conversation`"),
        (format!("{signed}colour = 'red'\n"), "colour"),
        (
            format!("{signed}password_file = '/p'\n"),
            "has no secret `password`",
        ),
        (format!("{signed}for = ['dba']\n"), "`for`"),
        (signed.replace("'ops'", "'Ops team'"), "`name`"),
        (format!("{signed}{signed}"), "a name of its own"),
        (format!("{webhook}url = 'ftp://x'\n"), "`url`"),
        (
            format!("{webhook}url = 'https://u:p@x.example/'\n"),
            "`url`",
        ),
        ("[[channel]]\nkind = 'slack'\n".to_owned(), "needs a `name`"),
        (
            "[outbound]\nallow_private = ['here']\n".to_owned(),
            "outbound.allow_private",
        ),
        (
            "[[channel]]\nname = 'm'\nkind = 'mail'\nhost = 'mx.example'\nport = 25\n\
             security = 'none'\nfrom = 'a@example.com'\nto = ['b@example.com']\n"
                .to_owned(),
            "`m`: `security = \"none\"`",
        ),
    ] {
        let error = read(&text).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let whole = format!("{error}: {}", cause.unwrap_or_default());
        assert!(whole.contains(words), "{text}\n{whole}");
    }
}
