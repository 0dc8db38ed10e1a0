//! What most lists can be narrowed to.

use crate::Views;
use ledger::{AccountId, LocationId, ProductId};

/// The product and warehouse that a list is narrowed to.
pub(crate) struct Scope {
    pub(crate) product: Option<ProductId>,
    pub(crate) warehouse: Option<LocationId>,
}

impl Scope {
    /// `None` when a name is unknown, so that nothing can match.
    pub(crate) fn new(views: &Views, product: Option<&str>, warehouse: Option<&str>) -> Option<Self> {
        let product = match product {
            Some(name) => Some(views.catalog.find_product(name)?),
            None => None,
        };
        let warehouse = match warehouse {
            Some(path) => Some(views.catalog.find_location(path)?),
            None => None,
        };
        Some(Self { product, warehouse })
    }

    pub(crate) fn holds(&self, views: &Views, account: AccountId) -> bool {
        self.product.is_none_or(|product| views.catalog.account(account).product == product)
            && self.warehouse.is_none_or(|warehouse| views.catalog.warehouse_of(account) == warehouse)
    }
}
