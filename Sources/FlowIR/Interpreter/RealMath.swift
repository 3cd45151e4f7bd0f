// The only file of this module with an import: elementary functions come from the C library.
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The C library's elementary functions.
enum RealMath {
  #if canImport(Glibc)
    static func exp(_ x: Double) -> Double { Glibc.exp(x) }
    static func expm1(_ x: Double) -> Double { Glibc.expm1(x) }
    static func log(_ x: Double) -> Double { Glibc.log(x) }
    static func log1p(_ x: Double) -> Double { Glibc.log1p(x) }
    static func sin(_ x: Double) -> Double { Glibc.sin(x) }
    static func cos(_ x: Double) -> Double { Glibc.cos(x) }
    static func asin(_ x: Double) -> Double { Glibc.asin(x) }
    static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
    static func erf(_ x: Double) -> Double { Glibc.erf(x) }
    static func erfc(_ x: Double) -> Double { Glibc.erfc(x) }
    static func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
  #elseif canImport(Musl)
    static func exp(_ x: Double) -> Double { Musl.exp(x) }
    static func expm1(_ x: Double) -> Double { Musl.expm1(x) }
    static func log(_ x: Double) -> Double { Musl.log(x) }
    static func log1p(_ x: Double) -> Double { Musl.log1p(x) }
    static func sin(_ x: Double) -> Double { Musl.sin(x) }
    static func cos(_ x: Double) -> Double { Musl.cos(x) }
    static func asin(_ x: Double) -> Double { Musl.asin(x) }
    static func tanh(_ x: Double) -> Double { Musl.tanh(x) }
    static func erf(_ x: Double) -> Double { Musl.erf(x) }
    static func erfc(_ x: Double) -> Double { Musl.erfc(x) }
    static func pow(_ x: Double, _ y: Double) -> Double { Musl.pow(x, y) }
  #else
    static func exp(_ x: Double) -> Double { Darwin.exp(x) }
    static func expm1(_ x: Double) -> Double { Darwin.expm1(x) }
    static func log(_ x: Double) -> Double { Darwin.log(x) }
    static func log1p(_ x: Double) -> Double { Darwin.log1p(x) }
    static func sin(_ x: Double) -> Double { Darwin.sin(x) }
    static func cos(_ x: Double) -> Double { Darwin.cos(x) }
    static func asin(_ x: Double) -> Double { Darwin.asin(x) }
    static func tanh(_ x: Double) -> Double { Darwin.tanh(x) }
    static func erf(_ x: Double) -> Double { Darwin.erf(x) }
    static func erfc(_ x: Double) -> Double { Darwin.erfc(x) }
    static func pow(_ x: Double, _ y: Double) -> Double { Darwin.pow(x, y) }
  #endif
}
