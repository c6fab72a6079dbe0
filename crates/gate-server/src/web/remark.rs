//! What is out of the ordinary about a request: asked past the rules' own
//! approvers, approved without asking, or asked of too few people.

use gate_protocol::break_glass::BreakGlass;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::standing_grant::StandingUse;

use super::shown::Shown;
use crate::lifecycle::Answered;
use crate::service::Channel;
use crate::store::requests::Request;

/// One thing to know before the rest is read.
pub(super) struct Remark {
    /// The style: `loud`, `warn` or `aside`.
    pub(super) class: &'static str,
    pub(super) title: &'static str,
    pub(super) text: Shown,
    /// A page that says more, and what it is called.
    pub(super) more: Option<(String, &'static str)>,
}

/// The same in one or two words, for a row.
pub(super) struct Mark {
    /// The style.
    pub(super) class: &'static str,
    pub(super) text: &'static str,
}

impl Remark {
    /// Returns the remarks about `request`, the loudest first.
    pub(super) fn of(request: &Request) -> Vec<Self> {
        let particulars = &request.particulars;
        let mut remarks = Vec::new();
        remarks.extend(particulars.break_glass.as_ref().map(break_glass));
        if particulars.observed {
            remarks.push(observed(request.state.status));
        }
        let used = particulars.standing_grant.as_ref();
        remarks.extend(used.map(|used| standing_use(used, &request.state.reviews)));
        let warnings = particulars.warnings.iter();
        remarks.extend(warnings.map(|warning| Self {
            class: "warn",
            title: "Careful.",
            text: Shown::of(warning),
            more: None,
        }));
        remarks
    }
}

impl Mark {
    /// Returns the marks of a row, the loudest first.
    pub(super) fn of(request: &Request) -> Vec<Self> {
        let particulars = &request.particulars;
        let marks = [
            (particulars.break_glass.is_some(), "loud", "break-glass"),
            (!particulars.warnings.is_empty(), "warn", "has a warning"),
            (particulars.observed, "tag", "only observed"),
            (
                particulars.standing_grant.is_some(),
                "tag",
                "standing grant",
            ),
        ];
        let holds = marks.into_iter().filter(|(holds, ..)| *holds);
        holds.map(|(_, class, text)| Self { class, text }).collect()
    }
}

fn break_glass(what: &BreakGlass) -> Remark {
    let so_far = match (&what.reviewed_by, what.is_open) {
        (Some(name), _) => {
            let said = what.comment.as_deref().unwrap_or_default();
            format!("It was used, and {name} has reviewed it since: {said}")
        }
        (None, true) => "It was used, and nobody has reviewed it yet.".to_owned(),
        (None, false) => "Once used, it is reviewed by somebody who had no part in it.".to_owned(),
    };
    let text = format!("It asks past the people whom the rules name. {so_far}");
    let list = (
        "/break-glass".to_owned(),
        "Break-glass that waits for its review",
    );
    Remark {
        class: "loud",
        title: "BREAK-GLASS",
        text: Shown::of(&text),
        more: what.is_open.then_some(list),
    }
}

fn observed(status: ApprovalStatus) -> Remark {
    let text = match status {
        // The server enforces again, and what was not started waits for people.
        ApprovalStatus::Pending => {
            "The server only observed when this was asked, and let it pass. It enforces now, and \
             asks."
        }
        ApprovalStatus::Approved
        | ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => {
            "It would have asked the people below. The server let it pass by itself: nobody \
             approved it."
        }
    };
    Remark {
        class: "warn",
        title: "The server only observes.",
        text: Shown::of(text),
        more: None,
    }
}

fn standing_use(used: &StandingUse, reviews: &[Answered]) -> Remark {
    let channel = Channel::StandingGrant.as_str();
    let by_it = reviews.iter().filter(|one| one.review.channel == channel);
    let (standing, void): (Vec<&Answered>, Vec<&Answered>) = by_it.partition(|one| one.is_yes());
    let names = |answers: &[&Answered]| -> String {
        let names: Vec<&str> = answers.iter().map(|a| a.review.reviewer.as_str()).collect();
        names.join(", ")
    };
    let number = format!("This is use {} of {}.", used.number, used.uses);
    let (title, text) = if void.is_empty() {
        (
            "Approved by a standing grant.",
            format!(
                "{number} Nobody was asked; {} confirmed the grant.",
                names(&standing)
            ),
        )
    } else {
        (
            "A standing grant approved it, and does not any more.",
            format!(
                "{number} What {} confirmed does not count now.",
                names(&void)
            ),
        )
    };
    Remark {
        class: "aside",
        title,
        text: Shown::of(&text),
        more: Some((format!("/grants#grant-{}", used.id), "The standing grant")),
    }
}
