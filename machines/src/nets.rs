//! Names of nets, and ranges of them.

/// `PA5` as itself, `PA[0-15]` as sixteen names; `None` when it is neither.
pub(crate) fn expand(pattern: &str) -> Option<Vec<String>> {
    let Some((head, rest)) = pattern.split_once('[') else {
        let good = !pattern.is_empty()
            && pattern
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_');
        return good.then(|| vec![pattern.to_owned()]);
    };
    let (from, to) = rest.strip_suffix(']')?.split_once('-')?;
    let (from, to) = (from.parse::<u8>().ok()?, to.parse::<u8>().ok()?);
    (from <= to).then(|| (from..=to).map(|n| format!("{head}{n}")).collect())
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn ranges() {
        assert_eq!(expand("PA5"), Some(vec!["PA5".to_owned()]));
        assert_eq!(
            expand("PH[0-1]"),
            Some(vec!["PH0".to_owned(), "PH1".to_owned()])
        );
        assert_eq!(expand("PA[5"), None);
        assert_eq!(expand("PA[9-1]"), None);
        assert_eq!(expand(""), None);
    }
}
