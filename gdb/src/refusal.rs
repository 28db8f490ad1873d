//! Packets that must not reach gdbstub, which takes them for something else or gives up on them.

use crate::wire::PACKET_SIZE;

/// The answer to accesses past the last address or beyond any reply (gdbstub would compute with them), to writes of
/// another length than announced (it would write what there is), to a resumption of nothing (it would run), and to
/// threads and processes that are not there (it would take another one).
pub fn refusal(
    contents: &[u8],
    mut has_thread: impl FnMut(usize) -> bool,
) -> Option<&'static [u8]> {
    if let Some(rest) = contents.strip_prefix(b"vCont") {
        let mut parts = rest.split(|&b| b == b';');
        let mut good = |action: &[u8]| {
            let (what, thread) = split(action, b':');
            !what.is_empty() && thread.is_none_or(|id| is_there(id, &mut has_thread))
        };
        let good = match parts.next() {
            Some(b"?") => true,
            Some(b"") => parts.clone().count() > 0 && parts.all(&mut good),
            _ => false,
        };
        return (!good).then_some(b"E01");
    }
    if let Some(process) = contents.strip_prefix(b"vKill") {
        return (process != b";1").then_some(b"E01");
    }
    let (kind, rest) = contents.split_first()?;
    match kind {
        b'H' => {
            let id = rest.get(1..).unwrap_or_default();
            let known = matches!(rest.first(), Some(b'g' | b'c')) && is_there(id, &mut has_thread);
            return (!known).then_some(b"E01");
        }
        b'D' if rest.first() == Some(&b';') => return (rest != b";1").then_some(b"E01"),
        _ => {}
    }
    let (head, data) = split(rest, b':');
    let sent = match (kind, data) {
        (b'm' | b'x', None) => None,
        (b'M', Some(data)) => Some(data.len() as u64),
        (b'X', Some(data)) => Some(unescaped(data)),
        (b'm' | b'x' | b'M' | b'X', _) => return Some(b"E01"),
        _ => return None,
    };
    let mut numbers = head.split(|&b| b == b',').map(hex);
    let (address, len) = (numbers.next().flatten(), numbers.next().flatten());
    let (Some(address), Some(len)) = (address, len) else {
        return Some(b"E01");
    };
    let announced = if *kind == b'M' {
        len.saturating_mul(2)
    } else {
        len
    };
    if sent.is_some_and(|sent| sent != announced) {
        return Some(b"E01");
    }
    let fits = len <= PACKET_SIZE as u64 / 2 || sent.is_some();
    (!fits || address.saturating_add(len) > 1 << 32).then_some(b"E0e")
}

fn split(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == at) {
        Some(n) => (&text[..n], Some(&text[n + 1..])),
        None => (text, None),
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

/// Is there a thread (or any) of this id: `5`, `p1.5`, `0` for any, `-1` for all?
fn is_there(id: &[u8], has_thread: &mut impl FnMut(usize) -> bool) -> bool {
    let thread = match id.strip_prefix(b"p") {
        None => id,
        Some(rest) => {
            let (process, thread) = split(rest, b'.');
            if !matches!(process, b"-1" | b"0" | b"1") {
                return false;
            }
            thread.unwrap_or(b"-1")
        }
    };
    thread == b"-1"
        || hex(thread).is_some_and(|n| n == 0 || usize::try_from(n).is_ok_and(&mut *has_thread))
}

/// How many bytes of binary data these stand for: `}` goes before an escaped one.
fn unescaped(data: &[u8]) -> u64 {
    let (mut count, mut escaped) = (0, false);
    for &b in data {
        escaped = !escaped && b == b'}';
        count += u64::from(!escaped);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(packet: &[u8]) -> bool {
        refusal(packet, |n| n == 5).is_some()
    }

    #[test]
    fn threads_and_processes_must_be_there() {
        for good in [
            &b"Hg5"[..],
            b"Hgp1.5",
            b"Hc-1",
            b"Hg0",
            b"Hgp1.-1",
            b"vCont;c",
            b"vCont;s:p1.5;c:p1.-1",
            b"vCont?",
            b"vKill;1",
            b"D",
            b"D;1",
        ] {
            assert!(!refused(good), "{}", String::from_utf8_lossy(good));
        }
        for bad in [
            &b"Hg6"[..],
            b"Hgp2.5",
            b"Hx5",
            b"H",
            b"Hgz",
            b"vCont",
            b"vCont;",
            b"vCont;s:6",
            b"vCont;s:p9.5",
            b"vKill",
            b"vKill;",
            b"vKill;9",
            b"D;9",
        ] {
            assert!(refused(bad), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn accesses_must_fit() {
        for good in [
            &b"m0,4"[..],
            b"mfffffffc,4",
            b"M0,2:0102",
            b"X0,2:a}b",
            b"g",
        ] {
            assert!(!refused(good), "{}", String::from_utf8_lossy(good));
        }
        for bad in [
            &b"m0"[..],
            b"mfffffffd,4",
            b"m0,ffffffff",
            b"M0,3:0102",
            b"M0,2",
            b"X0,3:a}b",
            b"mzz,4",
        ] {
            assert!(refused(bad), "{}", String::from_utf8_lossy(bad));
        }
    }
}
