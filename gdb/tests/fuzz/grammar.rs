//! Packets of every kind that gdb sends, with parameters from sensible to absurd, and what can go wrong on the way.

use super::stream::frame;

/// A generator of numbers: xorshift, the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Any state but zero; neighbouring seeds far from each other.
        Random((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }

    /// One in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }

    /// An address: flash, RAM, peripherals, nothing, edges.
    fn address(&mut self) -> u64 {
        let base = [
            0,
            0x100,
            0x180,
            0xF_FFFC,
            0x0800_0000,
            0x2000_0000,
            0x200F_FFFC,
            0x4000_4400,
            0xE000_E000,
        ];
        match self.below(12) {
            0 => self.next() & 0xFFFF_FFFF,
            1 => 0xFFFF_FFFF - self.below(16) as u64,
            2 => self.next(),
            _ => base[self.below(base.len())] + self.below(64) as u64,
        }
    }

    fn length(&mut self) -> u64 {
        match self.below(10) {
            0 => 0,
            1 => self.next() & 0xFFFF,
            2 => self.next(),
            3 => 0xFFFF_FFFF,
            _ => 1 + self.below(64) as u64,
        }
    }

    fn thread(&mut self) -> &'static str {
        self.pick(&[
            "", "0", "1", "2", "-1", "p1.1", "p01.01", "p1.-1", "p0.0", "p2.1", "p-1.-1", "p1",
            "ffffffff", "p.", "zz",
        ])
    }

    fn kind(&mut self) -> u64 {
        [2, 3, 4, 1, 8, 0, 0xFFFF_FFFF][self.below(7)]
    }
}

/// Bytes as a packet may carry them.
fn escaped(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &b in data {
        if matches!(b, b'#' | b'$' | b'}' | b'*') {
            out.extend([b'}', b ^ 0x20]);
        } else {
            out.push(b);
        }
    }
    out
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|b| format!("{b:02x}")).collect()
}

/// Monitor commands, now and to come.
const MONITOR: [&str; 32] = [
    "",
    "help",
    "cycles",
    "irq",
    "fault",
    "reg",
    "reg USART2",
    "reg USART2.SR",
    "reg .",
    "reset",
    "reset halt",
    "why",
    "until-cycle 100",
    "until-cycle -1",
    "until-cycle 99999999999999999999",
    "until-edge PA5 rising",
    "until-edge",
    "edges PA5",
    "edges",
    "catch hardfault",
    "catch",
    "snapshot a",
    "restore a",
    "restore b",
    "snapshot",
    "restore",
    "\u{0}",
    "reg USART2.SR.DR",
    "threads",
    "watch",
    "help help help",
    "é",
];

/// Packets without parameters, or with given ones.
const FIXED: [&str; 58] = [
    "?",
    "g",
    "G",
    "!",
    "c",
    "s",
    "bs",
    "bc",
    "i",
    "t",
    "d",
    "r",
    "vCont?",
    "vCtrlC",
    "vMustReplyEmpty",
    "vStopped",
    "vRun",
    "vRun;",
    "vAttach;1",
    "vKill",
    "qC",
    "qAttached",
    "qAttached:1",
    "qOffsets",
    "qSymbol::",
    "qSymbol:1:6d61696e",
    "qTStatus",
    "qTfV",
    "qTsV",
    "qTfP",
    "qTsP",
    "qfThreadInfo",
    "qsThreadInfo",
    "qL1200000000000000000",
    "QNonStop:0",
    "QNonStop:1",
    "QThreadEvents:1",
    "QPassSignals:e;10;14",
    "QProgramSignals:0;1",
    "QCatchSyscalls:1",
    "QEnvironmentReset",
    "QSetWorkingDir:",
    "QAllow:WriteReg:1",
    "QAgent:1",
    "QDisableRandomization:1",
    "QStartupWithShell:1",
    "qSupported",
    "qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;vContSupported+;no-resumed+;xmlRegisters=i386",
    "qSupported:;;=;+;-",
    "qXfer:auxv:read::0,1000",
    "qXfer:threads:read::0,1000",
    "qXfer:libraries:read::0,100",
    "qXfer:osdata:read::0,100",
    "qXfer:btrace:read:all:0,100",
    "QTinit",
    "Qbtrace:full",
    "qGetTIBAddr:1",
    "qP0000001f0000000000000001",
];

/// One packet's contents.
pub fn packet(r: &mut Random) -> Vec<u8> {
    let (a, n, t) = (r.address(), r.length(), r.thread());
    let text = match r.below(30) {
        0..=3 => FIXED[r.below(FIXED.len())].to_owned(),
        4 | 5 => format!("m{a:x},{n:x}"),
        6 => format!("x{a:x},{n:x}"),
        7 => {
            let data = r.below(40);
            let data = r.bytes(data);
            let said = if r.one_in(4) { n } else { data.len() as u64 };
            format!("M{a:x},{said:x}:{}", hex(&data))
        }
        8 => {
            let data = r.below(40);
            let data = r.bytes(data);
            let said = if r.one_in(4) { n } else { data.len() as u64 };
            return [format!("X{a:x},{said:x}:").into_bytes(), escaped(&data)].concat();
        }
        9 => format!("p{:x}", r.below(120)),
        10 => {
            let size = [4, 4, 4, 8, 1, 0][r.below(6)];
            let data = r.bytes(size);
            format!("P{:x}={}", r.below(120), hex(&data))
        }
        11 => {
            let size = [68, 0, 4, 96, 200, 1000][r.below(6)];
            let data = r.bytes(size);
            format!("G{}", hex(&data))
        }
        12..=14 => {
            let set = if r.one_in(3) { 'z' } else { 'Z' };
            let extra = r.pick(&["", "", "", ";X1,00", ";cmds:0,X1,00", ";", ","]);
            format!("{set}{},{a:x},{:x}{extra}", r.below(6), r.kind())
        }
        15 => format!("H{}{t}", r.pick(&["g", "c", "m", ""])),
        16 => format!("T{t}"),
        17 => format!(
            "{}{}",
            r.pick(&["c", "s", "C05", "S05", "C", "S", "C05;"]),
            if r.one_in(2) {
                format!("{a:x}")
            } else {
                String::new()
            }
        ),
        18 | 19 => {
            let mut text = "vCont".to_owned();
            for _ in 0..r.below(4) {
                let end = a.wrapping_add(n);
                let action = match r.below(9) {
                    0 => "c".to_owned(),
                    1 => "s".to_owned(),
                    2 => "C05".to_owned(),
                    3 => "S05".to_owned(),
                    4 => "t".to_owned(),
                    5 => format!("r{a:x},{end:x}"),
                    6 => "r100,104".to_owned(),
                    7 => "x".to_owned(),
                    _ => String::new(),
                };
                text += &format!(";{action}");
                if r.one_in(2) {
                    text += &format!(":{}", r.thread());
                }
            }
            text
        }
        20 => format!("qRcmd,{}", hex(MONITOR[r.below(MONITOR.len())].as_bytes())),
        21 => format!(
            "qXfer:{}:{a:x},{n:x}",
            r.pick(&[
                "features:read:target.xml",
                "features:read:",
                "features:read:../x",
                "memory-map:read:",
                "exec-file:read:",
                "exec-file:read:1",
                "exec-file:read:zz",
                "features:write:target.xml",
                "threads:read:",
            ])
        ),
        22 => format!(
            "qXfer:{}:{:x},{:x}",
            r.pick(&[
                "features:read:target.xml",
                "memory-map:read:",
                "exec-file:read:1"
            ]),
            r.below(4000),
            r.below(0x4100)
        ),
        23 => {
            let name = hex(r
                .pick(&[
                    "/a.elf",
                    "a.elf",
                    "/",
                    "",
                    "/etc/passwd",
                    "/../a.elf",
                    "/a.elf\u{0}",
                ])
                .as_bytes());
            format!(
                "vFile:open:{name},{:x},{:x}",
                [0u32, 1, 2, 0x200, 0xFFFF_FFFF][r.below(5)],
                r.below(0x200)
            )
        }
        24 => format!("vFile:pread:{:x},{n:x},{a:x}", r.below(18)),
        25 => r
            .pick(&[
                "vFile:setfs:0",
                "vFile:setfs:1",
                "vFile:close:0",
                "vFile:close:ffffffff",
                "vFile:fstat:0",
                "vFile:stat:2f612e656c66",
                "vFile:pwrite:0,0,abc",
                "vFile:unlink:2f612e656c66",
                "vFile:readlink:2f612e656c66",
                "vFile:",
                "vFile:pread:0,2000,0",
            ])
            .to_owned(),
        26 => match r.below(4) {
            0 => format!("vFlashErase:{a:x},{n:x}"),
            1 => "vFlashDone".to_owned(),
            _ => {
                return [
                    format!("vFlashWrite:{a:x}:").into_bytes(),
                    escaped(&r.bytes(9)),
                ]
                .concat();
            }
        },
        27 => format!(
            "{}:{a:x},{n:x}",
            r.pick(&["qCRC", "qSearch:memory", "QMemTags", "qMemTags"])
        ),
        28 => format!("qThreadExtraInfo,{t}"),
        _ => {
            let n = r.below(12);
            return r.bytes(n);
        }
    };
    text.into_bytes()
}

/// Bytes that go over the wire in one go: a few packets, some of them damaged in one way or another.
pub fn chunk(r: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..1 + r.below(3) {
        let mut contents = if !corpus.is_empty() && r.one_in(4) {
            corpus[r.below(corpus.len())].clone()
        } else {
            packet(r)
        };
        if r.one_in(2) {
            for _ in 0..=r.below(3) {
                mutate(r, &mut contents);
            }
        }
        let mut framed = frame(&contents);
        match r.below(16) {
            // Damage of the frame or under way: the checksum does not fit any more.
            0 => mutate(r, &mut framed),
            1 => framed.truncate(r.below(framed.len() + 1)),
            2 => framed = [framed.clone(), framed].concat(),
            3 => {
                let at = r.below(framed.len() + 1);
                framed.insert(at, 3);
            }
            4 => framed.insert(0, b'+'),
            5 => framed.insert(0, b'-'),
            6 => framed = [vec![3], framed].concat(),
            7 if r.one_in(20) => {
                let size = 0x3FF0 + r.below(40);
                framed = frame(&vec![contents.first().copied().unwrap_or(b'm'); size]);
            }
            _ => {}
        }
        bytes.extend(framed);
    }
    bytes
}

fn mutate(r: &mut Random, bytes: &mut Vec<u8>) {
    let at = r.below(bytes.len() + 1);
    match r.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << r.below(8),
        1 if at < bytes.len() => bytes[at] = r.next() as u8,
        2 if at < bytes.len() => {
            bytes.remove(at);
        }
        3 => bytes.truncate(at),
        4 => {
            let some = bytes[at..].to_vec();
            bytes.extend(some);
        }
        5 => {
            let huge = r.pick(&[
                "ffffffff",
                "fffffffffffffffff",
                "80000000",
                "0",
                "-1",
                "7fffffffffffffff",
            ]);
            bytes.splice(at..at, huge.bytes());
        }
        _ => bytes.insert(at, b"0123456789abcdef,:;=-+.*}p"[r.below(26)]),
    }
}
