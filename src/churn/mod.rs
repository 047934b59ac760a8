//! churn.
