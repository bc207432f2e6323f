//! A rule's text to its syntax tree, and what is not supported said with its place.

use regex_syntax::ast::{self, Ast, Visitor};
use regex_syntax::hir::literal::{Extractor, Literal};
use regex_syntax::hir::translate::Translator;
use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};

use super::fault::{PatternPart, RuleFault};

/// Reads the pattern of a match. `\b` becomes ASCII: automata know no other.
pub(super) fn parse(pattern: &str) -> Result<Hir, RuleFault> {
    let hir = parse_any(pattern)?;
    match hir.properties().minimum_len() {
        None => Err(RuleFault::Never),
        Some(0) => Err(RuleFault::Empty),
        Some(_) => Ok(hir),
    }
}

/// Reads a pattern that may match nothing.
pub(super) fn parse_any(pattern: &str) -> Result<Hir, RuleFault> {
    let characters = |span: &ast::Span| pattern.get(..span.start.offset).map_or(0, |before| before.chars().count());
    let ast = ast::parse::Parser::new().parse(pattern).map_err(|error| syntax(&error, characters(error.span())))?;
    if let Some((part, span)) = unsupported(&ast) {
        return Err(RuleFault::Unsupported { part, position: characters(&span) });
    }
    let hir = Translator::new()
        .translate(pattern, &ast)
        .map_err(|error| RuleFault::Syntax { position: characters(error.span()), message: error.kind().to_string() })?;
    Ok(with_ascii_words(hir))
}

fn syntax(error: &ast::Error, position: usize) -> RuleFault {
    let part = match error.kind() {
        ast::ErrorKind::UnsupportedBackreference => PatternPart::Backreference,
        ast::ErrorKind::UnsupportedLookAround => PatternPart::LookAround,
        kind => return RuleFault::Syntax { position, message: kind.to_string() },
    };
    RuleFault::Unsupported { part, position }
}

/// The first part that is not supported.
fn unsupported(ast: &Ast) -> Option<(PatternPart, ast::Span)> {
    struct Search(Option<(PatternPart, ast::Span)>);

    impl Visitor for Search {
        type Output = Option<(PatternPart, ast::Span)>;
        type Err = ();

        fn finish(self) -> Result<Self::Output, ()> {
            Ok(self.0)
        }

        fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
            let found = match ast {
                Ast::Flags(set) => swaps_greed(&set.flags).then_some((PatternPart::LazyQuantifier, set.span)),
                Ast::Group(group) => in_group(group),
                Ast::Repetition(repetition) if !repetition.greedy => {
                    Some((PatternPart::LazyQuantifier, repetition.op.span))
                }
                _ => None,
            };
            self.0 = self.0.or(found);
            Ok(())
        }
    }

    ast::visit(ast, Search(None)).ok().flatten()
}

fn in_group(group: &ast::Group) -> Option<(PatternPart, ast::Span)> {
    match &group.kind {
        ast::GroupKind::CaptureIndex(_) | ast::GroupKind::CaptureName { .. } => {
            Some((PatternPart::CaptureGroup, group.span))
        }
        ast::GroupKind::NonCapturing(flags) => swaps_greed(flags).then_some((PatternPart::LazyQuantifier, flags.span)),
    }
}

fn swaps_greed(flags: &ast::Flags) -> bool {
    flags.flag_state(ast::Flag::SwapGreed) == Some(true)
}

fn with_ascii_words(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(ascii(look)),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min, max, greedy, sub: Box::new(with_ascii_words(*sub)) })
        }
        HirKind::Capture(Capture { index, name, sub }) => {
            Hir::capture(Capture { index, name, sub: Box::new(with_ascii_words(*sub)) })
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(with_ascii_words).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(with_ascii_words).collect()),
    }
}

const fn ascii(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        other => other,
    }
}

/// Whether every match begins with two letters or more that are known, or with one of a few such beginnings.
pub(super) fn is_lettered(hir: &Hir) -> bool {
    let begins = Extractor::new().extract(hir);
    let letters = |begin: &Literal| begin.as_bytes().iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    begins.literals().is_some_and(|begins| begins.iter().all(|begin| letters(begin) >= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(pattern: &str) -> RuleFault {
        parse(pattern).unwrap_err()
    }

    #[test]
    fn parts_not_supported_are_named_with_their_place() {
        let unsupported = |part, position| RuleFault::Unsupported { part, position };
        assert_eq!(fault(r"é(?=a)"), unsupported(PatternPart::LookAround, 1));
        assert_eq!(fault(r"(?<!a)b"), unsupported(PatternPart::LookAround, 0));
        assert_eq!(fault(r"ab\1"), unsupported(PatternPart::Backreference, 2));
        assert_eq!(fault(r"abc+?"), unsupported(PatternPart::LazyQuantifier, 3));
        assert_eq!(fault(r"a(?U)b+"), unsupported(PatternPart::LazyQuantifier, 1));
        assert_eq!(fault(r"(?U:b+)"), unsupported(PatternPart::LazyQuantifier, 2));
        assert_eq!(fault(r"key=(\w+)"), unsupported(PatternPart::CaptureGroup, 4));
        assert_eq!(fault(r"a(?P<name>b)"), unsupported(PatternPart::CaptureGroup, 1));
    }

    #[test]
    fn a_syntax_error_names_its_place() {
        let RuleFault::Syntax { position, message } = fault("ab[c") else { panic!() };
        assert_eq!((position, message.as_str()), (2, "unclosed character class"));
    }

    #[test]
    fn empty_and_impossible_patterns_are_refused() {
        assert_eq!(fault("a*"), RuleFault::Empty);
        assert_eq!(fault("(?:)"), RuleFault::Empty);
        assert_eq!(fault(r"\b"), RuleFault::Empty);
        assert_eq!(fault(r"[^\s\S]"), RuleFault::Never);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(matches!(fault(r"(?-u:\xff)"), RuleFault::Syntax { position: 5, .. }));
    }
}
