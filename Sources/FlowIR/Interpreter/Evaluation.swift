/// One operation on given operands.
struct Evaluation {
  let operands: [InterpreterTensor]
  let result: TensorType
  let rows: Int
  let firstRow: Int

  private var resultRows: Int { result.hasRows ? rows : 1 }

  /// The elements of one row of an operand; a uniform operand is the same in every row.
  func row(_ index: Int, of operand: Int) -> ArraySlice<Double> {
    let count = operands[operand].type.elementCount
    let start = operands[operand].type.hasRows ? index * count : 0
    return operands[operand].values[start..<start + count]
  }

  func shape(_ operand: Int) -> [Int] { operands[operand].type.shape }

  func run(_ opcode: Opcode) -> [Double] {
    switch opcode {
    case .constant(let literal): return literal.values
    case .rowCount: return [Double(rows)]
    case .rowSum: return sumRows()
    case .linearWeightGradient(let mask): return weightGradient(mask)
    case .matmul: return matmul()
    case .matrixExponential: return matrixExponential()
    case .cholesky: return cholesky()
    case .random(let distribution, let type, let stream):
      return random(distribution, type: type, stream: stream)
    case .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search, .take,
      .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd, .linear,
      .triangularSolve,
      .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      var output: [Double] = []
      output.reserveCapacity(resultRows * result.elementCount)
      for index in 0..<resultRows { output += evaluateRow(opcode, index) }
      return output
    }
  }

  private func evaluateRow(_ opcode: Opcode, _ index: Int) -> [Double] {
    let a = row(index, of: 0)
    switch opcode {
    case .unary(let operation): return a.map { operation.evaluate($0) }
    case .binary(let operation):
      return zip(a, row(index, of: 1)).map { operation.evaluate($0, $1) }
    case .compare(let comparison):
      return zip(a, row(index, of: 1)).map { comparison.evaluate($0, $1) ? 1 : 0 }
    case .select:
      return zip(a, zip(row(index, of: 1), row(index, of: 2))).map { $0 != 0 ? $1.0 : $1.1 }
    case .convert(let dtype):
      switch dtype {
      case .f32, .f64: return Array(a)
      case .i32: return a.map { Double(Int32(clamping: $0)) }
      case .bool: return a.map { $0 != 0 ? 1 : 0 }
      }
    case .reduce(let reduction, let axis): return reduce(Array(a), reduction, axis)
    case .cumulativeSum(let axis, let reverse): return cumulativeSum(Array(a), axis, reverse)
    case .search:
      let (x, count) = (Array(row(index, of: 1)), shape(0).last ?? 1)
      let sorted = Array(a)
      return x.indices.map { i in
        Double(sorted[i * count..<(i + 1) * count].reduce(0) { $0 + ($1 < x[i] ? 1 : 0) })
      }
    case .take:
      let (indices, count) = (Array(row(index, of: 1)), shape(0).last ?? 1)
      let table = Array(a)
      return indices.indices.map { i in
        table[i * count + Swift.min(Swift.max(Int(Int32(clamping: indices[i])), 0), count - 1)]
      }
    case .reshape: return Array(a)
    case .broadcast, .transpose, .slice, .gather, .pad: return view(Array(a), opcode)
    case .concatenate(let axis): return concatenate(index, axis)
    case .scatterAdd(let axis, let indices, let size):
      let (outer, extent, inner) = split(shape(0), axis)
      var output = [Double](repeating: 0, count: outer * size * inner)
      let source = Array(a)
      for o in 0..<outer {
        for k in 0..<extent {
          for i in 0..<inner {
            output[(o * size + indices[k]) * inner + i] += source[(o * extent + k) * inner + i]
          }
        }
      }
      return output
    case .linear(let mask): return linear(Array(a), mask)
    case .triangularSolve(let upper, let unit): return solve(index, upper: upper, unit: unit)
    case .constant, .rowCount, .rowSum, .linearWeightGradient, .matmul, .matrixExponential,
      .cholesky, .random,
      .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      preconditionFailure("\(opcode.name) is not evaluated row by row")
    }
  }

  private func split(_ shape: [Int], _ axis: Int) -> (Int, Int, Int) {
    (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
  }

  private func reduce(_ a: [Double], _ reduction: Reduction, _ axis: Int) -> [Double] {
    let (outer, extent, inner) = split(shape(0), axis)
    var output: [Double] = []
    for o in 0..<outer {
      for i in 0..<inner {
        var value = a[o * extent * inner + i]
        for k in 1..<Swift.max(extent, 1) {
          let next = a[(o * extent + k) * inner + i]
          switch reduction {
          case .sum: value += next
          case .product: value *= next
          case .maximum: value = BinaryOperator.maximum.evaluate(value, next)
          case .minimum: value = BinaryOperator.minimum.evaluate(value, next)
          }
        }
        output.append(value)
      }
    }
    return output
  }

  private func cumulativeSum(_ a: [Double], _ axis: Int, _ reverse: Bool) -> [Double] {
    let (outer, extent, inner) = split(shape(0), axis)
    var output = a
    for o in 0..<outer {
      for i in 0..<inner {
        var sum = 0.0
        for step in 0..<extent {
          let at = (o * extent + (reverse ? extent - 1 - step : step)) * inner + i
          sum += a[at]
          output[at] = sum
        }
      }
    }
    return output
  }

  /// Each element of a view by its index in every dimension.
  private func view(_ a: [Double], _ opcode: Opcode) -> [Double] {
    let from = shape(0)
    var output: [Double] = []
    output.reserveCapacity(result.elementCount)
    var place = [Int](repeating: 0, count: result.rank)
    for _ in 0..<result.elementCount {
      var source = place
      var fill: Double?
      switch opcode {
      case .broadcast:
        source = Array(place.suffix(from.count))
        for axis in from.indices where from[axis] == 1 { source[axis] = 0 }
      case .transpose(let permutation):
        for axis in permutation.indices { source[permutation[axis]] = place[axis] }
      case .slice(let axis, let start, _): source[axis] += start
      case .gather(let axis, let indices): source[axis] = indices[place[axis]]
      case .pad(let axis, let low, _, let value):
        source[axis] -= low
        if !(0..<from[axis]).contains(source[axis]) { fill = value }
      case .constant, .reshape, .concatenate, .unary, .binary, .compare, .select, .convert,
        .reduce, .cumulativeSum, .search, .take, .scatterAdd, .linear, .linearWeightGradient,
        .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum, .rowCount, .random,
        .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
        preconditionFailure("\(opcode.name) is not a view of one operand along its axes")
      }
      output.append(fill ?? a[zip(source, from).reduce(0) { $0 * $1.1 + $1.0 }])
      for axis in place.indices.reversed() {
        place[axis] += 1
        if place[axis] < result.shape[axis] { break }
        place[axis] = 0
      }
    }
    return output
  }

  private func concatenate(_ index: Int, _ axis: Int) -> [Double] {
    let outer = result.shape[..<axis].reduce(1, *)
    let inner = result.shape[(axis + 1)...].reduce(1, *)
    let parts = operands.indices.map { Array(row(index, of: $0)) }
    var output: [Double] = []
    for o in 0..<outer {
      for (operand, part) in parts.enumerated() {
        let size = shape(operand)[axis] * inner
        output += part[o * size..<(o + 1) * size]
      }
    }
    return output
  }

  private func linear(_ x: [Double], _ mask: Mask?) -> [Double] {
    let (outputs, inputs) = (shape(1)[0], shape(1)[1])
    let weight = operands[1].values
    let bias = operands.count > 2 ? operands[2].values : Array(repeating: 0, count: outputs)
    var output: [Double] = []
    for vector in 0..<x.count / inputs {
      for o in 0..<outputs {
        var sum = bias[o]
        for i in 0..<inputs where mask?.bits[o * inputs + i] ?? true {
          sum += weight[o * inputs + i] * x[vector * inputs + i]
        }
        output.append(sum)
      }
    }
    return output
  }

  private func sumRows() -> [Double] {
    var output = [Double](repeating: 0, count: result.elementCount)
    for index in 0..<rows {
      for (element, value) in row(index, of: 0).enumerated() { output[element] += value }
    }
    return output
  }

  private func weightGradient(_ mask: Mask?) -> [Double] {
    let (outputs, inputs) = (result.shape[0], result.shape[1])
    var output = [Double](repeating: 0, count: outputs * inputs)
    for index in 0..<rows {
      let (g, x) = (Array(row(index, of: 0)), Array(row(index, of: 1)))
      for o in 0..<outputs {
        for i in 0..<inputs where mask?.bits[o * inputs + i] ?? true {
          output[o * inputs + i] += g[o] * x[i]
        }
      }
    }
    return output
  }

  private func matmul() -> [Double] {
    let (m, k, n) = (shape(0)[0], shape(0)[1], shape(1)[1])
    let (a, b) = (operands[0].values, operands[1].values)
    var output = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n {
        for l in 0..<k { output[i * n + j] += a[i * k + l] * b[l * n + j] }
      }
    }
    return output
  }
}
