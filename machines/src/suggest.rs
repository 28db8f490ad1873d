//! "Did you mean": the nearest known name, and lists of what there is.

/// The known name nearest to `wrong`, when it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    known
        .into_iter()
        .map(|k| (distance(&lower, &k.to_lowercase()), k))
        .filter(|&(d, k)| d <= (wrong.len().max(k.len()) / 3).max(1))
        .min_by_key(|&(d, _)| d)
        .map(|(_, k)| k)
}

/// One line of advice for an unknown name: the nearest one, or what there is.
#[must_use]
pub fn advice<'a>(what: &str, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 24;
    let known: Vec<&str> = known.into_iter().collect();
    if known.is_empty() {
        return format!("there are no {what}");
    }
    let near = nearest(wrong, known.iter().copied())
        .map(|k| format!("did you mean `{k}`? "))
        .unwrap_or_default();
    let mut list = known[..known.len().min(SHOWN)].join(", ");
    if known.len() > SHOWN {
        list += &format!(", … ({} in all)", known.len());
    }
    format!("{near}{what}: {list}")
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i];
        for j in 1..=b.len() {
            let swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            let mut d = (row[j] + 1)
                .min(next[j - 1] + 1)
                .min(row[j - 1] + usize::from(a[i - 1] != b[j - 1]));
            if swap {
                d = d.min(before[j - 2] + 1);
            }
            next.push(d);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["stm32f407vg", "stm32f405rg", "lm3s6965"];
        assert_eq!(nearest("STM32F407GV", known), Some("stm32f407vg"));
        assert_eq!(nearest("esp32", known), None);
    }

    #[test]
    fn advice_lists_what_there_is() {
        assert_eq!(
            advice("clocks", "PLCK1", ["HCLK", "PCLK1"]),
            "did you mean `PCLK1`? clocks: HCLK, PCLK1"
        );
        assert_eq!(advice("clocks", "x", []), "there are no clocks");
    }
}
