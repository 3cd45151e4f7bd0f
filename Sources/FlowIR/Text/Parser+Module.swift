extension Parser {
  mutating func module() throws(ParseError) -> Module {
    try keyword("flowir")
    guard try integer() == 1 else { throw error("only version 1 of the text form is known") }
    var module = Module()
    while token != .end {
      if try takeKeyword("mask") {
        try mask()
      } else {
        try keyword("func")
        let function = try function()
        if !functionNames.insert(function.name).inserted {
          throw error("a second function named @\(function.name)")
        }
        module.functions.append(function)
      }
    }
    return module
  }

  mutating func symbol() throws(ParseError) -> String {
    guard case .symbol(let name) = token else { throw error("expected '@' and a name") }
    try advance()
    return name
  }

  mutating func mask() throws(ParseError) {
    let name = try symbol()
    try expect("=")
    let rows = try integer()
    try keyword("x")
    let columns = try integer()
    guard rows > 0, columns > 0 else { throw error("a \(rows) x \(columns) mask is empty") }
    let total = Size.product([rows, columns])
    if let problem = budget.takeMask(total) {
      throw error("a \(rows) x \(columns) mask is too large: \(problem)")
    }
    guard case .string(let text) = token else { throw error("expected the mask's rows") }
    var bits: [Bool] = []
    bits.reserveCapacity(total)
    for row in text.split(separator: " ") {
      let parts = row.split(separator: "*", omittingEmptySubsequences: false)
      let repeats = parts.count == 2 ? Int(parts[1]) ?? 0 : 1
      var line: [Bool] = []
      var bit = false
      for part in parts[0].split(separator: ",", omittingEmptySubsequences: false) {
        guard let count = Int(part), count >= 0, count <= columns - line.count else {
          throw error("a row of mask @\(name) does not have \(columns) entries")
        }
        line += Array(repeating: bit, count: count)
        bit.toggle()
      }
      guard line.count == columns, parts.count <= 2, repeats > 0,
        repeats <= rows - bits.count / columns
      else { throw error("mask @\(name) does not have \(rows) rows of \(columns) entries") }
      for _ in 0..<repeats { bits += line }
    }
    guard bits.count == total else { throw error("mask @\(name) does not have \(rows) rows") }
    if masks[name] != nil { throw error("a second mask named @\(name)") }
    masks[name] = Mask(rows: rows, columns: columns, bits: bits)
    try advance()
  }

  mutating func maskReference() throws(ParseError) -> Mask? {
    guard try takeKeyword("mask") else { return nil }
    guard case .symbol(let name) = token, let mask = masks[name] else {
      throw error("expected a mask that is defined above")
    }
    try advance()
    return mask
  }
}
