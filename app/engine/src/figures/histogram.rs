//! A histogram of durations with fixed buckets: 16 linear steps in each doubling, so that any value lies within 3.2 % of
//! its bucket's middle. Buckets can be added, subtracted and merged without loss; few values take no heap at all.

/// Steps in each doubling.
const STEPS: usize = 16;
/// Values below this many ns share the first, linear group.
const LINEAR_NS: i64 = 1024;
/// Doublings above [`LINEAR_NS`] that an `i64` has, and the linear group.
const NUM_GROUPS: usize = 54;
/// Buckets in all.
const NUM_BUCKETS: usize = NUM_GROUPS * STEPS;
/// How many different buckets are kept without heap.
const FEW: usize = 6;

/// The bucket of a duration; below zero counts as zero.
fn bucket_of_ns(duration_ns: i64) -> u16 {
    let value = duration_ns.max(0);
    if value < LINEAR_NS {
        return (value >> 6) as u16;
    }
    let octave = 63 - value.leading_zeros();
    ((octave as usize - 9) * STEPS) as u16 + ((value >> (octave - 4)) & 15) as u16
}

/// The middle of a bucket, ns.
fn middle_ns(bucket: usize) -> i64 {
    if bucket < STEPS {
        return (bucket as i64) * 64 + 32;
    }
    let shift = bucket / STEPS + 9 - 4;
    (((16 + bucket % STEPS) as i64) << shift) + (1_i64 << shift >> 1)
}

/// How often each duration was seen.
#[derive(Clone, Debug)]
pub(crate) enum Histogram {
    /// Up to [`FEW`] different buckets: number of the bucket and how often.
    Few {
        /// How many of the two arrays are in use.
        len: u8,
        /// Buckets, unsorted.
        buckets: [u16; FEW],
        /// How often.
        counts: [u16; FEW],
    },
    /// One array for each group that has values; the mask says which groups.
    Groups {
        /// Bit `g` = group `g` has an array.
        mask: u64,
        /// The arrays, by group.
        groups: Vec<[u32; STEPS]>,
    },
}

impl Default for Histogram {
    fn default() -> Self {
        Self::Few { len: 0, buckets: [0; FEW], counts: [0; FEW] }
    }
}

impl Histogram {
    /// Counts a duration so many times.
    pub(crate) fn add(&mut self, duration_ns: i64, num: u32) {
        self.add_to_bucket(bucket_of_ns(duration_ns), num);
    }

    fn add_to_bucket(&mut self, bucket: u16, num: u32) {
        if let Self::Few { len, buckets, counts } = self {
            let used = *len as usize;
            if let Some(at) = buckets[..used].iter().position(|known| *known == bucket) {
                if let Some(sum) = u16::try_from(num).ok().and_then(|num| counts[at].checked_add(num)) {
                    counts[at] = sum;
                    return;
                }
            } else if used < FEW
                && let Ok(num) = u16::try_from(num)
            {
                (buckets[used], counts[used]) = (bucket, num);
                *len += 1;
                return;
            }
            self.spread();
        }
        if let Self::Groups { mask, groups } = self {
            let count = &mut group_mut(mask, groups, bucket)[bucket as usize % STEPS];
            *count = count.saturating_add(num);
        }
    }

    /// Takes back what was counted.
    pub(crate) fn subtract(&mut self, duration_ns: i64, num: u32) {
        let bucket = bucket_of_ns(duration_ns);
        match self {
            Self::Few { len, buckets, counts } => {
                let used = *len as usize;
                if let Some(at) = buckets[..used].iter().position(|known| *known == bucket) {
                    counts[at] = counts[at].saturating_sub(u16::try_from(num).unwrap_or(u16::MAX));
                    if counts[at] == 0 {
                        (buckets[at], counts[at]) = (buckets[used - 1], counts[used - 1]);
                        *len -= 1;
                    }
                }
            }
            Self::Groups { mask, groups } => {
                if *mask & (1 << (bucket as usize / STEPS)) != 0 {
                    let count = &mut group_mut(mask, groups, bucket)[bucket as usize % STEPS];
                    *count = count.saturating_sub(num);
                }
            }
        }
    }

    /// Adds all that another has.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.each(|bucket, num| self.add_to_bucket(bucket, num));
    }

    /// Calls back with each bucket that is not empty and its count.
    fn each(&self, mut call: impl FnMut(u16, u32)) {
        match self {
            Self::Few { len, buckets, counts } => {
                for at in 0..*len as usize {
                    call(buckets[at], u32::from(counts[at]));
                }
            }
            Self::Groups { mask, groups } => {
                let mut rest = *mask;
                for counts in groups {
                    let group = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    for (step, count) in counts.iter().enumerate() {
                        if *count > 0 {
                            call((group * STEPS + step) as u16, *count);
                        }
                    }
                }
            }
        }
    }

    /// Gives the buckets an array a group.
    fn spread(&mut self) {
        let few = std::mem::replace(self, Self::Groups { mask: 0, groups: Vec::new() });
        few.each(|bucket, num| self.add_to_bucket(bucket, num));
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Few { .. } => 0,
            Self::Groups { groups, .. } => groups.capacity() * size_of::<[u32; STEPS]>(),
        }
    }
}

fn group_mut<'a>(mask: &mut u64, groups: &'a mut Vec<[u32; STEPS]>, bucket: u16) -> &'a mut [u32; STEPS] {
    let bit = 1_u64 << (bucket as usize / STEPS);
    let at = (*mask & (bit - 1)).count_ones() as usize;
    if *mask & bit == 0 {
        *mask |= bit;
        groups.insert(at, [0; STEPS]);
    }
    &mut groups[at]
}

/// Several histograms laid together, to read quantiles from.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    counts: Box<[u64; NUM_BUCKETS]>,
    num: u64,
    /// Only these buckets are in use.
    first: usize,
    end: usize,
}

impl Default for Merged {
    fn default() -> Self {
        Self { counts: Box::new([0; NUM_BUCKETS]), num: 0, first: NUM_BUCKETS, end: 0 }
    }
}

impl Merged {
    /// Empties it, for use again.
    pub(crate) fn clear(&mut self) {
        if self.num > 0 {
            self.counts[self.first..self.end].fill(0);
            (self.num, self.first, self.end) = (0, NUM_BUCKETS, 0);
        }
    }

    /// Adds a histogram.
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        histogram.each(|bucket, num| {
            let bucket = bucket as usize;
            self.counts[bucket] += u64::from(num);
            self.num += u64::from(num);
            self.first = self.first.min(bucket);
            self.end = self.end.max(bucket + 1);
        });
    }

    /// The value below or at which this share of the durations lies (nearest rank), ns; `None` without any.
    pub(crate) fn quantile_ns(&self, share: f64) -> Option<i64> {
        if self.num == 0 {
            return None;
        }
        let rank = ((self.num as f64 * share).ceil() as u64).clamp(1, self.num);
        let mut sum = 0;
        let at = self.counts[self.first..self.end].iter().position(|count| {
            sum += count;
            sum >= rank
        })?;
        Some(middle_ns(self.first + at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact_ns(sorted: &[i64], share: f64) -> i64 {
        let rank = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
        sorted[rank - 1]
    }

    fn near(seen: i64, exact: i64) -> bool {
        // Below 1 µs the steps are linear, 64 ns wide.
        (seen - exact).abs() as f64 <= (exact as f64 * 0.05).max(32.0)
    }

    #[test]
    fn every_value_is_near_the_middle_of_its_bucket() {
        let mut value = 1_i64;
        while value < i64::MAX / 3 {
            for value in [value - 1, value, value + 1, value / 2 * 3] {
                let middle = middle_ns(bucket_of_ns(value) as usize);
                assert!((middle - value).abs() as f64 <= (value as f64 * 0.032).max(32.0), "{value} {middle}");
            }
            value *= 2;
        }
        assert!((bucket_of_ns(i64::MAX) as usize) < NUM_BUCKETS);
        assert_eq!(bucket_of_ns(-5), 0);
    }

    /// Log-normal around a centre, from a uniform pair (Box and Muller).
    fn log_normal(centre_ns: f64, sigma: f64, a: f64, b: f64) -> i64 {
        let normal = (-2.0 * a.max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        (centre_ns * (sigma * normal).exp()) as i64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn quantiles_are_within_5_percent_after_merging_and_moving(
            uniform in proptest::collection::vec((0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, any::<bool>()), 1..3_000),
            sigma in 0.1..1.5_f64,
            bimodal in any::<bool>(),
        ) {
            let values: Vec<(i64, bool)> = uniform.iter().map(|(a, b, mode, moved)| {
                let centre_ns = if bimodal && *mode < 0.4 { 250.0e6 } else { 2.0e6 };
                (log_normal(centre_ns, sigma, *a, *b), *moved)
            }).collect();
            // Ten histograms as of ten buckets of time; some values are counted in a wrong place first and then moved.
            let mut parts = vec![Histogram::default(); 10];
            let mut wrong = Histogram::default();
            for (value, moved) in &values {
                if *moved { wrong.add(*value, 1) }
            }
            for (at, (value, moved)) in values.iter().enumerate() {
                if *moved { wrong.subtract(*value, 1) }
                parts[at % 10].add(*value, 1);
            }
            let mut whole = Histogram::default();
            for part in &parts[..5] { whole.merge(part) }
            let mut merged = Merged::default();
            merged.add(&whole);
            for part in &parts[5..] { merged.add(part) }
            let mut sorted: Vec<i64> = values.iter().map(|(value, _)| *value).collect();
            sorted.sort_unstable();
            for share in [0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0] {
                let (seen, exact) = (merged.quantile_ns(share).unwrap(), exact_ns(&sorted, share));
                prop_assert!(near(seen, exact), "share {share}: {seen} for {exact}");
            }
            let mut empty = Merged::default();
            empty.add(&wrong);
            prop_assert_eq!(empty.quantile_ns(0.5), None);
        }
    }
}
