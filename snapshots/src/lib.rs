//! The canonical exchange of every scenario, one file each.
