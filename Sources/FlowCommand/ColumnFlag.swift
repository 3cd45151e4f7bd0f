import ArgumentParser

/// An option that names columns, such as `mass,3:0.5`.
struct ColumnFlag {
  /// Its name, for messages.
  let option: String

  /// The feature, counted from 0, of a column that is given by its name or its number from 1.
  func feature(_ name: String, names: [String], features: Int) throws -> Int {
    if let place = names.firstIndex(of: name) { return place }
    if let number = Int(name), (1...features).contains(number) { return number - 1 }
    let known = names.isEmpty ? "" : ", or one of " + names.joined(separator: ", ")
    throw ValidationError(
      "\(option): there is no column '\(name)'; expected 1 to \(features)\(known)")
  }

  /// The same of a column that is not among those that were given before, which it joins.
  func feature(
    _ name: String, names: [String], features: Int, given: inout Set<Int>
  ) throws -> Int {
    let feature = try feature(name, names: names, features: features)
    guard given.insert(feature).inserted else {
      throw ValidationError("\(option): column '\(name)' is given twice")
    }
    return feature
  }

  /// The column and the rest of an entry `COLUMN=…`, nil for one without a sign of equality. A name may have
  /// such a sign in it.
  static func assignment(_ text: Substring) -> (column: String, rest: Substring)? {
    guard let sign = text.lastIndex(of: "=") else { return nil }
    let column = text[..<sign].drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
    return (String(column), text[text.index(after: sign)...])
  }

  /// The features, counted from 0, and the numbers of a list `COLUMN:NUMBER,…`, in its order.
  ///
  /// - Parameters:
  ///   - text: the list; nil if the option was not given.
  ///   - what: what the number is, such as `step`.
  ///   - example: an entry, for messages.
  ///   - otherwise: the number of an entry that is a column alone; nil if it must have a number.
  ///   - names: the names of the columns; empty if they have none.
  ///   - features: how many there are.
  /// - Throws: `ValidationError` for a number that is not positive, and for a column that there is not or
  ///   that is given twice.
  func numbers(
    of text: String?, what: String, example: String, otherwise: Double? = nil, names: [String],
    features: Int
  ) throws -> [(feature: Int, number: Double)] {
    guard let text else { return [] }
    var found: [(feature: Int, number: Double)] = []
    var given: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let (name, number) = try entry(
        String(part), what: what, example: example, otherwise: otherwise, names: names)
      found.append(
        (try feature(name, names: names, features: features, given: &given), number))
    }
    return found
  }

  /// The column and the number of one entry.
  private func entry(
    _ text: String, what: String, example: String, otherwise: Double?, names: [String]
  ) throws -> (name: String, number: Double) {
    // A name may have a colon in it.
    if let otherwise, names.contains(text) || !text.contains(":") { return (text, otherwise) }
    guard let colon = text.lastIndex(of: ":"),
      let number = Double(text[text.index(after: colon)...]), number > 0, number.isFinite
    else {
      let form = "COLUMN:\(what.uppercased())"
      throw ValidationError(
        "\(option): expected \(otherwise == nil ? form : "COLUMN or " + form) with a positive \(what), "
          + "such as \(example), found '\(text)'")
    }
    return (String(text[..<colon]), number)
  }
}
