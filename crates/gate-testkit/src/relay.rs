//! Something in the network between two programs: it passes on, slows down, resets, closes halfway
//! or goes silent, as a test wants. What the bytes say is nothing to it.

use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};

/// How the network is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// How long whatever passes is on its way.
    pub latency: Duration,
    /// How long each byte of an answer takes, where they come one by one.
    pub each_byte: Option<Duration>,
    /// Nothing passes, in any direction, and nobody is told.
    pub is_silent: bool,
    /// New connections are reset.
    pub is_refusing: bool,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected.
    Up,
    /// To who connected.
    Down,
}

/// What becomes of bytes that somebody looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They pass.
    Pass,
    /// They are lost, and the connection with them.
    Lost,
}

/// Looks at what passes before it does: the number of the connection, the way, the bytes.
pub type Look = Arc<dyn Fn(usize, Direction, &[u8]) -> Fate + Send + Sync>;

/// A relay on a port of its own, as long as the test runs.
#[derive(Clone)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    weather: Mutex<Weather>,
    changed: Condvar,
    look: Mutex<Option<Look>>,
    open: Mutex<Vec<Arc<Open>>>,
    came: Mutex<Vec<Instant>>,
}

/// A connection that is passed on.
struct Open {
    number: usize,
    client: TcpStream,
    server: TcpStream,
    is_reset: AtomicBool,
    is_stranded: AtomicBool,
}

/// A test that failed with a lock in its hand has failed already.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Relay")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Relay {
    /// Starts a relay to `upstream`, in good weather.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn to(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let relay = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                upstream: Mutex::new(upstream),
                weather: Mutex::default(),
                changed: Condvar::new(),
                look: Mutex::default(),
                open: Mutex::default(),
                came: Mutex::default(),
            }),
        };
        let shared = Arc::clone(&relay.shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.let_in(client);
            }
        });
        Ok(relay)
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes new connections on to another address.
    pub fn redirect(&self, upstream: SocketAddr) {
        *locked(&self.shared.upstream) = upstream;
    }

    /// Makes the network so, also for connections that are open.
    pub fn set(&self, weather: Weather) {
        *locked(&self.shared.weather) = weather;
        self.shared.changed.notify_all();
    }

    /// Shows everything that passes to `look` first.
    pub fn watch(&self, look: Look) {
        *locked(&self.shared.look) = Some(look);
    }

    /// Resets every open connection at both ends, and returns how many there were.
    pub fn reset(&self) -> usize {
        let open = std::mem::take(&mut *locked(&self.shared.open));
        for one in &open {
            one.is_reset.store(true, Ordering::SeqCst);
            reset(&one.client);
            reset(&one.server);
        }
        self.shared.changed.notify_all();
        open.len()
    }

    /// Passes nothing on any open connection ever again, and tells nobody. Returns how many those
    /// were; new ones are as the weather is.
    pub fn strand(&self) -> usize {
        let open = locked(&self.shared.open);
        for one in open.iter() {
            one.is_stranded.store(true, Ordering::SeqCst);
        }
        open.len()
    }

    /// Tells whoever connected that nothing more comes, and goes on to take what they send.
    pub fn close_halfway(&self) {
        for one in locked(&self.shared.open).iter() {
            // One that is closed already is closed enough.
            drop(one.client.shutdown(Shutdown::Write));
        }
    }

    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        locked(&self.shared.open).len()
    }

    /// Returns when each connection came.
    pub fn came(&self) -> Vec<Instant> {
        locked(&self.shared.came).clone()
    }
}

/// Source: `socket(7)`, `SO_LINGER`: a close with time 0 sends a reset.
fn reset(end: &TcpStream) {
    let at_once = linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // One that is closed already needs no reset. It goes out with the last descriptor: the thread
    // that reads from this end is woken by the shutdown, and lets go.
    let _ = setsockopt(end, sockopt::Linger, &at_once);
    drop(end.shutdown(Shutdown::Read));
}

impl Shared {
    fn let_in(self: &Arc<Self>, client: TcpStream) {
        let number = {
            let mut came = locked(&self.came);
            came.push(Instant::now());
            came.len()
        };
        if locked(&self.weather).is_refusing {
            return reset(&client);
        }
        let shared = Arc::clone(self);
        thread::spawn(move || drop(shared.join(number, client)));
    }

    /// Passes both ways until both are over.
    fn join(self: &Arc<Self>, number: usize, client: TcpStream) -> io::Result<()> {
        self.while_silent(None);
        let server = TcpStream::connect(*locked(&self.upstream))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let open = Arc::new(Open {
            number,
            client,
            server,
            is_reset: AtomicBool::new(false),
            is_stranded: AtomicBool::new(false),
        });
        locked(&self.open).push(Arc::clone(&open));
        let (shared, other) = (Arc::clone(self), Arc::clone(&open));
        let up = thread::spawn(move || shared.pass(&other, Direction::Up));
        self.pass(&open, Direction::Down);
        // What it could not pass is lost with the connection.
        drop(up.join());
        locked(&self.open).retain(|one| one.number != number);
        Ok(())
    }

    fn pass(&self, open: &Open, way: Direction) {
        let (mut from, mut to) = match way {
            Direction::Up => (&open.client, &open.server),
            Direction::Down => (&open.server, &open.client),
        };
        let mut block = vec![0; 16 << 10];
        loop {
            let some = match from.read(&mut block) {
                Ok(0) | Err(_) => break,
                Ok(count) => block.get(..count).unwrap_or_default(),
            };
            self.while_silent(Some(open));
            let weather = *locked(&self.weather);
            thread::sleep(weather.latency);
            let look = locked(&self.look).clone();
            if look.is_some_and(|look| look(open.number, way, some) == Fate::Lost) {
                drop(open.client.shutdown(Shutdown::Both));
                drop(open.server.shutdown(Shutdown::Both));
                break;
            }
            let each = weather.each_byte.filter(|_| way == Direction::Down);
            if write(&mut to, some, each).is_err() {
                break;
            }
        }
        if !open.is_reset.load(Ordering::SeqCst) {
            // Where the other is gone there is nobody to tell.
            drop(to.shutdown(Shutdown::Write));
        }
    }

    /// Waits for the end of the silence, or of the connection.
    fn while_silent(&self, open: Option<&Open>) {
        let is = |what: fn(&Open) -> &AtomicBool| {
            open.is_some_and(|open| what(open).load(Ordering::SeqCst))
        };
        let weather = locked(&self.weather);
        drop(self.changed.wait_while(weather, |weather| {
            let is_silent = weather.is_silent || is(|open| &open.is_stranded);
            is_silent && !is(|open| &open.is_reset)
        }));
    }
}

fn write(to: &mut impl io::Write, some: &[u8], each: Option<Duration>) -> io::Result<()> {
    let Some(each) = each else {
        return to.write_all(some);
    };
    for byte in some {
        to.write_all(&[*byte])?;
        thread::sleep(each);
    }
    Ok(())
}
