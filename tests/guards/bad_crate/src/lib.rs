//! Everything `pure` may not do, one ban a line; tests/test_guards.py wants every line reported.
#![allow(deprecated, path_statements, unused, clippy::no_effect, clippy::print_stdout)]

fn methods() {
    std::thread::available_parallelism; // std::thread::available_parallelism
    std::thread::park; // std::thread::park
    std::thread::park_timeout; // std::thread::park_timeout
    std::thread::scope(|_| ()); // std::thread::scope
    std::thread::sleep; // std::thread::sleep
    std::thread::spawn(|| ()); // std::thread::spawn
    std::thread::yield_now; // std::thread::yield_now
    std::thread::Builder::new().spawn(|| ()); // std::thread::Builder::spawn
    std::thread::scope(|s| drop(std::thread::Builder::new().spawn_scoped(s, || ()))); // std::thread::Builder::spawn_scoped
    std::fs::canonicalize(""); // std::fs::canonicalize
    std::fs::copy("", ""); // std::fs::copy
    std::fs::create_dir(""); // std::fs::create_dir
    std::fs::create_dir_all(""); // std::fs::create_dir_all
    std::fs::exists(""); // std::fs::exists
    std::fs::hard_link("", ""); // std::fs::hard_link
    std::fs::metadata(""); // std::fs::metadata
    std::fs::read(""); // std::fs::read
    std::fs::read_dir(""); // std::fs::read_dir
    std::fs::read_link(""); // std::fs::read_link
    std::fs::read_to_string(""); // std::fs::read_to_string
    std::fs::remove_dir(""); // std::fs::remove_dir
    std::fs::remove_dir_all(""); // std::fs::remove_dir_all
    std::fs::remove_file(""); // std::fs::remove_file
    std::fs::rename("", ""); // std::fs::rename
    std::fs::set_permissions("", todo!()); // std::fs::set_permissions
    std::fs::soft_link("", ""); // std::fs::soft_link
    std::fs::symlink_metadata(""); // std::fs::symlink_metadata
    std::fs::write("", ""); // std::fs::write
    std::path::Path::canonicalize; // std::path::Path::canonicalize
    std::path::Path::exists; // std::path::Path::exists
    std::path::Path::is_dir; // std::path::Path::is_dir
    std::path::Path::is_file; // std::path::Path::is_file
    std::path::Path::is_symlink; // std::path::Path::is_symlink
    std::path::Path::metadata; // std::path::Path::metadata
    std::path::Path::read_dir; // std::path::Path::read_dir
    std::path::Path::read_link; // std::path::Path::read_link
    std::path::Path::symlink_metadata; // std::path::Path::symlink_metadata
    std::path::Path::try_exists; // std::path::Path::try_exists
    std::io::stderr; // std::io::stderr
    std::io::stdin; // std::io::stdin
    std::io::stdout; // std::io::stdout
    std::env::args; // std::env::args
    std::env::args_os; // std::env::args_os
    std::env::current_dir; // std::env::current_dir
    std::env::current_exe; // std::env::current_exe
    std::env::home_dir; // std::env::home_dir
    unsafe { std::env::remove_var("") }; // std::env::remove_var
    std::env::set_current_dir(""); // std::env::set_current_dir
    unsafe { std::env::set_var("", "") }; // std::env::set_var
    std::env::temp_dir; // std::env::temp_dir
    std::env::var(""); // std::env::var
    std::env::var_os(""); // std::env::var_os
    std::env::vars; // std::env::vars
    std::env::vars_os; // std::env::vars_os
    std::process::abort; // std::process::abort
    std::process::exit; // std::process::exit
    std::process::id; // std::process::id
}

fn types() {
    std::time::Instant::now(); // std::time::Instant
    std::time::SystemTime::now(); // std::time::SystemTime
    std::fs::DirBuilder::new(); // std::fs::DirBuilder
    std::fs::File::open(""); // std::fs::File
    std::fs::OpenOptions::new(); // std::fs::OpenOptions
    std::net::TcpListener::bind(""); // std::net::TcpListener
    std::net::TcpStream::connect(""); // std::net::TcpStream
    std::net::UdpSocket::bind(""); // std::net::UdpSocket
    std::os::unix::net::UnixDatagram::unbound(); // std::os::unix::net::UnixDatagram
    std::os::unix::net::UnixListener::bind(""); // std::os::unix::net::UnixListener
    std::os::unix::net::UnixStream::connect(""); // std::os::unix::net::UnixStream
    std::process::Command::new(""); // std::process::Command
    std::collections::HashMap::<u8, u8>::new(); // std::collections::HashMap
    [1].into_iter().collect::<std::collections::HashSet<u8>>(); // std::collections::HashSet
    std::hash::DefaultHasher::new(); // std::hash::DefaultHasher
    std::hash::RandomState::new(); // std::hash::RandomState
}

fn macros() {
    dbg!(1); // std::dbg
    eprint!(""); // std::eprint
    eprintln!(); // std::eprintln
    print!(""); // std::print
    println!(); // std::println
}
