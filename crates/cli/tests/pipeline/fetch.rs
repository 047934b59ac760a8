//! What `datasets fetch` says and refuses before it talks to anybody.

use crate::fixture::Fixture;

#[test]
fn nothing_is_downloaded_before_licence_and_hash_were_shown_and_agreed_to() {
    let fixture = Fixture::empty();
    let stderr = fixture.run(&["datasets", "fetch", "hillstrom", "--quiet"]).fails(2);
    for part in [
        "https://raw.githubusercontent.com/",
        "0e5893329d8b93cefecc571777672028290ab69865718020c78c7284f291aece",
        "3964977 bytes",
        "licence   none stated",
        "nobody is here to agree to this download; --yes agrees",
    ] {
        assert!(stderr.contains(part), "{part} is not in {stderr}");
    }
    assert!(!fixture.path("hillstrom").exists());
}

#[test]
fn an_empty_file_of_the_name_is_not_the_data_set() {
    let fixture = Fixture::empty();
    fixture.write("movielens-1m/ml-1m.zip", "");
    let stderr = fixture.run(&["datasets", "fetch", "movielens-1m", "--yes"]).fails(2);
    assert!(stderr.contains("ml-1m.zip: is there, but not the file of the recipe; move it away"), "{stderr}");
}

#[test]
fn an_unknown_name_is_answered_with_those_there_are() {
    let stderr = Fixture::empty().run(&["datasets", "fetch", "netflix"]).fails(2);
    assert!(stderr.contains("there is no recipe \"netflix\"; there are hillstrom, "), "{stderr}");
}

#[test]
fn the_list_says_what_there_is() {
    let fixture = Fixture::empty();
    let text = fixture.run(&["datasets", "list"]).ok();
    assert!(text.contains("online-retail-2") && text.contains("CC BY 4.0"), "{text}");
    let json = fixture.run(&["datasets", "list", "--json"]).json();
    let recipes = json.as_array().unwrap();
    assert!(recipes.iter().all(|recipe| recipe["bytes"].as_u64() > Some(900_000)), "{json}");
}
