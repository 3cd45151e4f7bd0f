import Foundation

/// The natural logarithm of a number that is known when a function is traced.
func logOf(_ x: Double) -> Double { Foundation.log(x) }

/// The exponential of a number.
func expOf(_ x: Double) -> Double { Foundation.exp(x) }

/// The cosine of a number.
func cosine(_ x: Double) -> Double { Foundation.cos(x) }

/// A power of a positive number.
func power(_ base: Double, _ exponent: Double) -> Double { Foundation.pow(base, exponent) }
