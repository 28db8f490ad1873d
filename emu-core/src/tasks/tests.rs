use super::*;
#[test]
fn built_in_descriptions_are_sound() {
    assert_eq!(Kernel::built_in().len(), 7);
}
