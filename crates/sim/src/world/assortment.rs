//! The products: names, codes, units, and how much each is wanted.

use super::ranges::{RANGES, Range};
use ledger::{ProductCard, Unit};

/// Micro-units in one unit.
pub(super) const ONE: i64 = 1_000_000;

/// A product of the assortment.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: Box<str>,
    pub(super) range: &'static Range,
    name: Box<str>,
    gtin: Box<str>,
    /// How much it is wanted beside others.
    pub(super) weight: u64,
}

impl Product {
    /// Micro-units in one of the unit that it is bought in.
    pub(super) fn case(&self) -> i64 {
        i64::from(self.range.case.1) * ONE
    }

    pub(super) fn weighed(&self) -> bool {
        self.range.base_unit == "kg"
    }

    pub(super) fn card(&self) -> ProductCard {
        let (name, count) = self.range.case;
        let mut units = vec![Unit { name: name.into(), numerator: count.into(), denominator: 1 }];
        if self.weighed() {
            units.push(Unit { name: "g".into(), numerator: 1, denominator: 1000 });
        }
        ProductCard {
            product: self.id.clone(),
            name: self.name.clone(),
            gtin: self.gtin.clone(),
            category: self.range.category.into(),
            base_unit: self.range.base_unit.into(),
            units,
        }
    }
}

/// All products, and their weights as running sums.
#[derive(Clone, Debug)]
pub(super) struct Assortment {
    pub(super) products: Vec<Product>,
    weights: Vec<u64>,
}

impl Assortment {
    /// An assortment of `count` products, at least one; a larger one begins with the smaller.
    pub(super) fn new(count: usize) -> Self {
        let turns: Vec<usize> = (0..RANGES.iter().map(|range| range.share).max().unwrap_or(1))
            .flat_map(|turn| RANGES.iter().enumerate().filter(move |(_, range)| turn < range.share).map(|(at, _)| at))
            .collect();
        let mut made = vec![0_usize; RANGES.len()];
        let products: Vec<Product> = (0..count)
            .map(|index| {
                let range = turns[index % turns.len()];
                made[range] += 1;
                product(index, &RANGES[range], made[range] - 1, count)
            })
            .collect();
        let mut sum = 0;
        let weights = products.iter().map(|product| (sum += product.weight, sum).1).collect();
        Self { products, weights }
    }

    pub(super) fn weight_sum(&self) -> u64 {
        self.weights.last().copied().unwrap_or(0)
    }

    /// The product at a draw below the sum of all weights.
    pub(super) fn at(&self, draw: u64) -> usize {
        self.weights.partition_point(|sum| *sum <= draw)
    }
}

fn product(index: usize, range: &'static Range, made: usize, count: usize) -> Product {
    // A prime step spreads the wanted ones over the ranges. Weights fall like 1/rank, flattened at the top (Zipf-Mandelbrot).
    let rank = (index * 7919 + 13) % count;
    let zipf = 1_000_000_000 / u64::try_from(rank + count / 40 + 1).expect("fewer than 2^64 products");
    Product {
        id: format!("{}-{}", range.prefix, 10_000 + index * 7 % 10 + index * 10).into(),
        range,
        name: name(range, made).into(),
        gtin: with_check_digit(&format!("952{:09}", 100_000 + index)).into(),
        weight: if range.serialised { zipf / 8 + 1 } else { zipf },
    }
}

/// The name of the `made`th product of a range; no two are equal.
fn name(range: &Range, made: usize) -> String {
    let [items, makers, variants, sizes] = [range.items, range.makers, range.variants, range.sizes];
    let names = items.len() * makers.len() * variants.len() * sizes.len();
    let mut draw = made % names * 7919 % names;
    let mut next = |list: &[&'static str]| {
        let word = list[draw % list.len()];
        draw /= list.len();
        word
    };
    let (item, maker, variant, size) = (next(items), next(makers), next(variants), next(sizes));
    let mut words: Vec<&str> = [maker, variant, item, size].into_iter().filter(|word| !word.is_empty()).collect();
    let series = format!("series {}", made / names + 1);
    if made >= names {
        words.push(&series);
    }
    words.join(" ")
}

/// The digits and their check digit.
///
/// # Source
/// GS1 General Specifications, 7.9: weights 3 and 1 in turn from the right, up to the next ten.
pub(super) fn with_check_digit(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_codes_are_unique() {
        let assortment = Assortment::new(5_000);
        for text in [|p: &Product| p.id.clone(), |p: &Product| p.name.clone(), |p: &Product| p.gtin.clone()] {
            assert_eq!(assortment.products.iter().map(text).collect::<BTreeSet<_>>().len(), 5_000);
        }
        assert_eq!(with_check_digit("629104150021"), "6291041500213", "the example of the standard");
        assert_eq!(&*assortment.products[0].name, "Aldermoor Whole Milk 250 g");
    }
}
