#pragma once

namespace bake::testing {

/// An Ed25519 key (made with gpg 2.2.40) in whose own signature the second number is the shorter one.
inline constexpr const char* short_numbers_key = R"(-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawEUkxYJKwYBBAHaRw8BAQdAXw5CFUQYsYTFfZoQZoQPE7EJYb0hZmMTtR1b
t6QRmXW0DVNob3J0IE51bWJlcnOIjwQTFggAOBYhBGpt0/ArWKe7FVNLvlN5aE8r
TBpNBQJrARSTAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEFN5aE8rTBpN
kcYA/29rT8qi6mztb43y5CSghH5Wx9LlfCLd3PaFEtvU3S+FAPdNdzHOEZaPxJbs
GEhCPqQ2l9ADLILl6N6hVPp+qdUF
=VY3t
-----END PGP PUBLIC KEY BLOCK-----
)";

}  // namespace bake::testing
