//! Rules for secrets whose form is published. Lengths are lower bounds where a longer token must not leave a rest.

use super::check::Check;
use super::rule::Rule;

/// A rule of ours. Patterns without a longest match have [`Rule::MAX_LEN`].
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pattern: &'static str,
    check: Check,
}

impl BuiltIn {
    pub(super) fn rule(self) -> Rule {
        Rule::new(self.name, self.pattern).max_len(Rule::MAX_LEN).checked_by(self.check)
    }
}

const fn plain(name: &'static str, pattern: &'static str) -> BuiltIn {
    BuiltIn { name, pattern, check: Check::None }
}

/// Every built-in rule, the more telling of two that can match alike first.
pub(super) const ALL: &[BuiltIn] = &[
    plain("private_key", PRIVATE_KEY),
    plain("jwt", r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,3}"),
    plain("anthropic_key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    plain("openrouter_key", r"\bsk-or-(?:v[0-9]-)?[A-Za-z0-9]{32,}"),
    plain("openai_key", r"\bsk-(?:(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,})"),
    plain("stripe_key", r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{32,}={0,2})"),
    plain("aws_access_key", r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b"),
    plain(
        "aws_secret_key",
        r#"(?:\b|_)(?i:(?:aws_?)?secret_?(?:access_?)?key)["'\\]{0,2} {0,2}[:=] {0,2}["'\\]{0,2}[A-Za-z0-9/+]{40}"#,
    ),
    plain("aws_session_token", r#"\b(?:FwoGZXIvYXdzE|IQoJb3JpZ2lu)[A-Za-z0-9+/]{40,}={0,2}"#),
    plain("azure_storage_key", r"\b(?:AccountKey=[A-Za-z0-9+/]{86}==|SharedAccessKey=[A-Za-z0-9+/]{43}=)"),
    plain("azure_sas_signature", r"\bsig=[A-Za-z0-9%+/]{40,}(?:%3[Dd]|=)"),
    plain("azure_client_secret", r"\b[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    plain("google_api_key", r"\bAIza[A-Za-z0-9_-]{35,}"),
    plain("google_oauth_token", r"\b(?:ya29\.[A-Za-z0-9._-]{20,}|GOCSPX-[A-Za-z0-9_-]{28,}|1//0[A-Za-z0-9_-]{32,})"),
    plain("github_token", r"\b(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})"),
    plain(
        "gitlab_token",
        r"\b(?:gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|rtr|soat)-[A-Za-z0-9_.=-]{19,}[A-Za-z0-9_-]|GR1348941[A-Za-z0-9_-]{20,})",
    ),
    plain("slack_token", r"\b(?:xox[a-z]-[A-Za-z0-9%-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{20,})"),
    plain("slack_webhook", r"\bhttps://hooks\.slack\.com/(?:services|triggers|workflows)/[A-Za-z0-9/]{30,}"),
    plain("hugging_face_token", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    plain("npm_token", r"\bnpm_[A-Za-z0-9]{36,}"),
    plain("pypi_token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    plain("sendgrid_key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43,}"),
    plain("mailgun_key", r"\bkey-[0-9a-f]{32}\b"),
    plain("twilio_key", r"\b(?:AC|SK)[0-9a-fA-F]{32}\b"),
    plain("shopify_token", r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32,}"),
    plain("digitalocean_token", r"\bdo[opr]_v1_[0-9a-f]{64}"),
    plain("databricks_token", r"\bdapi[0-9a-f]{32}(?:-[0-9])?\b"),
    plain("docker_token", r"\bdckr_(?:oat|pat)_[A-Za-z0-9_-]{27,}"),
    plain("grafana_token", r"\bgl(?:c_[A-Za-z0-9+/]{32,}={0,2}|sa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8})"),
    plain("groq_key", r"\bgsk_[A-Za-z0-9]{40,}"),
    plain("perplexity_key", r"\bpplx-[A-Za-z0-9]{40,}"),
    plain("replicate_token", r"\br8_[A-Za-z0-9]{37,}"),
    plain("xai_key", r"\bxai-[A-Za-z0-9]{60,}"),
    plain("vault_token", r"\bhv[bs]\.[A-Za-z0-9_-]{24,}"),
    plain("telegram_token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    plain("age_key", r"\bAGE-SECRET-KEY-1[AC-HJ-NP-Z02-9]{58}\b"),
    plain("atlassian_token", r"\bATATT3[A-Za-z0-9_=-]{40,}"),
    plain("discord_token", r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    plain("langsmith_key", r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    plain("linear_key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    plain("mailchimp_key", r"\b[0-9a-f]{32}-us[0-9]{1,2}\b"),
    plain("new_relic_key", r"\bNRAK-[A-Z0-9]{27}\b"),
    plain("notion_token", r"\b(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})\b"),
    plain("pinecone_key", r"\bpcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,}"),
    plain("postman_key", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    plain("rubygems_key", r"\brubygems_[0-9a-f]{48}\b"),
    plain("sentry_token", r"\bsntry[su]_[A-Za-z0-9_=+/-]{40,}"),
    plain("square_token", r"\b(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})\b"),
    plain("supabase_token", r"\bsb(?:p_[0-9a-f]{40}|_secret_[A-Za-z0-9_-]{20,})"),
    plain(
        "bearer_token",
        r"\b(?i:bearer)[ \t]{1,4}(?:[A-Za-z0-9._~+/-]{24,}|[A-Za-z._~+/-]{0,12}[0-9][A-Za-z0-9._~+/-]{12,})=*",
    ),
    BuiltIn {
        name: "basic_credentials",
        pattern: r"\b(?i:basic)[ \t]{1,4}[A-Za-z0-9+/]{8,200}={0,2}",
        check: Check::Basic,
    },
    plain(
        "email",
        r"\b[A-Za-z0-9_][A-Za-z0-9_.%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}\b",
    ),
    BuiltIn { name: "iban", pattern: r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,29}\b", check: Check::Iban },
    BuiltIn { name: "card", pattern: CARD, check: Check::Luhn },
    plain("phone", PHONE),
];

/// A block up to its end; one that is cut off before its end as far as its lines are base64.
const PRIVATE_KEY: &str = r"(?x)
    -----BEGIN\ (?:[A-Z0-9]+\ ){0,2}PRIVATE\ KEY(?:\ BLOCK)?-----
    (?:
        (?:-{0,4}[^-])*
        -----END\ (?:[A-Z0-9]+\ ){0,2}PRIVATE\ KEY(?:\ BLOCK)?-----
    |
        (?:[\ \t\r\n]|\\[nr])*
        (?:[A-Za-z-]+:\ [^\n]*\n[\ \t\r\n]*)*
        [A-Za-z0-9+/=]{16,}
        (?:(?:[\ \t\r\n]|\\[nr])+[A-Za-z0-9+/=]{16,})*
        (?:(?:[\ \t\r\n]|\\[nr])+[A-Za-z0-9+/=]{1,15})?
    )";

/// Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay, Mir; their lengths, single separators.
const CARD: &str = r"(?x)\b(?:
    4[0-9]{3}(?:[\ -]?[0-9]){9}(?:(?:[\ -]?[0-9]){3}){0,2}
    | (?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)(?:[\ -]?[0-9]){12}
    | 3[47][0-9]{2}(?:[\ -]?[0-9]){11}
    | 3(?:0[0-5]|[68][0-9])[0-9](?:[\ -]?[0-9]){10}
    | 6(?:011|4[4-9][0-9]|5[0-9]{2})(?:[\ -]?[0-9]){12}(?:(?:[\ -]?[0-9]){3})?
    | 35(?:2[89]|[3-8][0-9])(?:[\ -]?[0-9]){12}
    | 62[0-9]{2}(?:[\ -]?[0-9]){12,15}
    | 220[0-4](?:[\ -]?[0-9]){12}
    )\b";

/// Numbers with a country's prefix, 8 to 15 digits by ITU-T E.164; those of North America in groups; extensions.
const PHONE: &str = r"(?x)
    (?: \B\+[1-9](?:[\ .()/-]{0,2}[0-9]){7,14}
    | \b00[1-9][0-9]{0,2}[\ .-](?:\(0\)\ ?)?[1-9][0-9]{0,3}[\ .-][0-9](?:[\ .()/-]{0,2}[0-9]){4,9}
    | \b(?:1[\ .-])?[2-9][0-9]{2}[\ .-][2-9][0-9]{2}[\ .-][0-9]{4}
    | \B\([2-9][0-9]{2}\)\ ?[2-9][0-9]{2}[\ .-][0-9]{4}
    )(?:\ ?(?:x|ext\.?)\ ?[0-9]{1,6})?\b";
