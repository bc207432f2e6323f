//! Rules for secrets whose form is published. Lengths are lower bounds where a longer token must not leave a rest.

use super::check::Check;
use super::rule::{Part, Rule};
use super::{email, numbers, private_key};

/// A rule of ours. Patterns without a longest match have [`Rule::MAX_LEN`].
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    part: Part<'static>,
    more: &'static [Part<'static>],
    check: Check,
    is_named: bool,
}

impl BuiltIn {
    pub(super) fn rule(self) -> Rule {
        let parts = std::iter::once(self.part).chain(self.more.iter().copied()).collect();
        let rule = Rule::of_parts(self.name, parts).max_len(Rule::MAX_LEN).checked_by(self.check);
        if self.is_named { rule.behind_a_name() } else { rule }
    }

    const fn checked_by(self, check: Check) -> Self {
        Self { check, ..self }
    }

    const fn with(self, more: &'static [Part<'static>]) -> Self {
        Self { more, ..self }
    }
}

/// A secret that a word does not run into. An escape of a text inside a text, `\\n`, is no part of a word.
const fn plain(name: &'static str, pattern: &'static str) -> BuiltIn {
    of(name, Part::behind(EDGE, pattern))
}

/// A secret told by the name before it, which stays.
const fn named(name: &'static str, pattern: &'static str) -> BuiltIn {
    BuiltIn { is_named: true, ..plain(name, pattern) }
}

const fn of(name: &'static str, part: Part<'static>) -> BuiltIn {
    BuiltIn { name, part, more: &[], check: Check::None, is_named: false }
}

pub(super) const EDGE: &str = r"^|[^A-Za-z0-9]|\\[nrt]";

/// Every built-in rule, the more telling of two that can match alike first.
pub(super) const ALL: &[BuiltIn] = &[
    of("private_key", Part::anywhere(private_key::LINES)).with(&[
        Part::anywhere(private_key::BLOCK),
        Part::anywhere(private_key::SSH2),
        Part::anywhere(private_key::PUTTY),
    ]),
    plain("jwt", r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,3}"),
    plain("anthropic_key", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    plain("openrouter_key", r"sk-or-(?:v[0-9]-)?[A-Za-z0-9]{32,}"),
    plain("openai_key", r"sk-(?:(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,})"),
    plain("stripe_key", r"(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{32,}={0,2})"),
    plain("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}"),
    named(
        "aws_secret_key",
        r#"(?:aws_?)?(?i-u)secret[ _-]?(?:access[ _-]?)?key(?:[ \t\r\n"'`*_\\:=>|()\[\]-]|(?:is|of)[ \t])+[A-Za-z0-9/+]{40,}"#,
    ),
    plain("aws_session_token", r#"(?:FwoGZXIvYXdzE|IQoJb3JpZ2lu)[A-Za-z0-9+/]{40,}={0,2}"#),
    named(
        "azure_storage_key",
        r#"(?i-u:(?:Account|SharedAccess)_?Key)["'\\ :=]+(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)"#,
    ),
    named("azure_sas_signature", r"sig=[A-Za-z0-9%+/]{40,}(?:%3[Dd]|=)"),
    plain("azure_client_secret", r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    plain("google_api_key", r"AIza[A-Za-z0-9_-]{35,}"),
    plain("google_oauth_token", r"(?:ya29\.[A-Za-z0-9._-]{20,}|GOCSPX-[A-Za-z0-9_-]{28,}|1//0[A-Za-z0-9_-]{32,})"),
    plain("github_token", r"(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})"),
    plain(
        "gitlab_token",
        r"(?:gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|rtr|soat)-[A-Za-z0-9_.=-]{19,}[A-Za-z0-9_-]|GR1348941[A-Za-z0-9_-]{20,})",
    ),
    plain("slack_token", r"(?:xox[a-z]-[A-Za-z0-9%-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{20,})"),
    plain("slack_webhook", r"https://hooks\.slack\.com/(?:services|triggers|workflows)/[A-Za-z0-9/]{30,}"),
    plain("hugging_face_token", r"(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    plain("npm_token", r"npm_[A-Za-z0-9]{36,}"),
    plain("pypi_token", r"pypi-AgE[A-Za-z0-9_-]{50,}"),
    plain("sendgrid_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43,}"),
    plain("mailgun_key", r"key-[0-9a-f]{32}\b"),
    plain("twilio_key", r"(?:AC|SK)[0-9a-fA-F]{32}\b"),
    plain("shopify_token", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32,}"),
    plain("digitalocean_token", r"do[opr]_v1_[0-9a-f]{64}"),
    plain("databricks_token", r"dapi[0-9a-f]{32}(?:-[0-9])?\b"),
    plain("docker_token", r"dckr_(?:oat|pat)_[A-Za-z0-9_-]{27,}"),
    plain("grafana_token", r"gl(?:c_[A-Za-z0-9+/]{32,}={0,2}|sa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8})"),
    plain("groq_key", r"gsk_[A-Za-z0-9]{40,}"),
    plain("perplexity_key", r"pplx-[A-Za-z0-9]{40,}"),
    plain("replicate_token", r"r8_[A-Za-z0-9]{37,}"),
    plain("xai_key", r"xai-[A-Za-z0-9]{60,}"),
    plain("vault_token", r"hv[bs]\.[A-Za-z0-9_-]{24,}"),
    of("telegram_token", Part::behind(r"^|[^A-Za-z0-9](?:bot)?|\\[nrt]", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}")),
    plain("age_key", r"AGE-SECRET-KEY-1[AC-HJ-NP-Z02-9]{58}\b"),
    plain("atlassian_token", r"ATATT3[A-Za-z0-9_=-]{40,}"),
    plain("discord_token", r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    plain("langsmith_key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    plain("linear_key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    named(
        "mailchimp_key",
        r#"(?i-u:mailchimp|key|token)(?:[ \t"'`*_\\:=>|()\[\]-]|(?i-u:is|api|key|token)[ _\t:=])+[0-9a-f]{32}-us[0-9]{1,2}\b"#,
    ),
    plain("new_relic_key", r"NRAK-[A-Z0-9]{27}\b"),
    plain("notion_token", r"(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})\b"),
    plain("pinecone_key", r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,}"),
    plain("postman_key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    plain("rubygems_key", r"rubygems_[0-9a-f]{48}\b"),
    plain("sentry_token", r"sntry[su]_[A-Za-z0-9_=+/-]{40,}"),
    plain("square_token", r"(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})\b"),
    plain("supabase_token", r"sb(?:p_[0-9a-f]{40}|_secret_[A-Za-z0-9_-]{20,})"),
    named("bearer_token", BEARER),
    named("basic_credentials", r"(?i-u:basic)[ \t]{1,4}[A-Za-z0-9+/]{8,200}={0,2}").checked_by(Check::Basic),
    of("email", email::ADDRESS),
    of("iban", Part::behind(EDGE, numbers::IBAN))
        .with(&[Part::behind(EDGE, numbers::IBAN_SMALL)])
        .checked_by(Check::Iban),
    of("card", numbers::CARDS).checked_by(Check::Luhn),
    of("phone", numbers::PHONE).with(numbers::PHONES),
];

/// A digit tells a token from words, or small letters that capitals follow.
const BEARER: &str = r"(?x)(?i-u:bearer)[\ \t]{1,4}
    (?: [A-Za-z._~+/-]*[0-9][A-Za-z0-9._~+/-]{12,}
    | [A-Za-z._~+/-]{20,}[0-9][A-Za-z0-9._~+/-]*
    | (?:[A-Za-z._~+/-]*[a-z][A-Z]){3}[A-Za-z._~+/-]{4,}
    )=*";
