//! The committed accuracy page is what the models give.

#[test]
fn the_page_is_what_the_models_give() {
    let page = xtask::accuracy::page().expect("a page");
    let committed = std::fs::read_to_string(xtask::accuracy::path()).unwrap_or_default();
    let differ = page.lines().zip(committed.lines()).find(|(a, b)| a != b);
    if let Some((now, before)) = differ {
        panic!(
            "ACCURACY.md is not what the models give: run `cargo xtask accuracy` and look at the difference.\n\
             now:    {now}\nbefore: {before}"
        );
    }
    assert!(
        page == committed,
        "ACCURACY.md ends elsewhere: run `cargo xtask accuracy`"
    );
}
