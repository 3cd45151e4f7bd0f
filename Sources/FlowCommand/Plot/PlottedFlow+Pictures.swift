import ArgumentParser
import FlowFiles
import FlowPlot
import Flows

extension PlottedFlow {
  /// The density of one or two features.
  func density() throws -> SVG {
    guard flow.features <= 2 else {
      throw ValidationError(
        "--kind density shows one or two features; this flow has \(flow.features): use --kind corner"
      )
    }
    let mostContexts = 9
    if let contexts, contexts.count > mostContexts {
      throw ValidationError(
        "--kind density has a curve or panel for each context, at most \(mostContexts); "
          + "\(contexts.path) has \(contexts.count): use --kind corner")
    }
    if let data, contexts != nil, contexts?.count != 1 {
      throw ValidationError(
        "\(data.path): --kind density can't tell which context the data belong to; leave out --data, "
          + "give one context, or use --kind corner")
    }
    let drawn = try sample(min(command.rows ?? 20_000, 20_000))
    let ranges = (0..<flow.features).map { feature in
      let range = Summary.range(drawn[feature])
      return data.map { Summary.union(range, Summary.range($0.column(feature))) } ?? range
    }
    let titles =
      contexts.map { contexts in
        (0..<contexts.count).map { row in
          "c = "
            + contexts.row(row).prefix(4).map { Self.short(Double($0)) }.joined(separator: ", ")
            + (contexts.columns > 4 ? ", …" : "")
        }
      } ?? [""]
    return flow.features == 1
      ? try curves(titles, range: ranges[0]) : try map(titles, ranges: (ranges[0], ranges[1]))
  }

  private func curves(_ titles: [String], range: ClosedRange<Double>) throws -> SVG {
    let xs = Grid.points(range, count: 500)
    let rows = Rows(xs.map { Scalar($0) }, columns: 1)
    let curves = try titles.enumerated().map { index, title in
      let logProb = try logProb(rows, contextRow: index)
      return (title: title, points: zip(xs, logProb).map { Point($0, Summary.exponential($1)) })
    }
    return DensityCurves(curves, data: data?.column(0) ?? [], name: names[0]).svg
  }

  private func map(
    _ titles: [String], ranges: (ClosedRange<Double>, ClosedRange<Double>)
  ) throws -> SVG {
    let (xs, ys) = (Grid.points(ranges.0, count: 161), Grid.points(ranges.1, count: 161))
    let rows = Rows(ys.flatMap { y in xs.flatMap { x in [Scalar(x), Scalar(y)] } }, columns: 2)
    var points: [Point] = []
    if let data {
      let stride = max(1, data.count / 2_000)
      points = (0..<data.count).filter { $0 % stride == 0 }.map { index in
        let row = data.row(index).map { Double($0) }
        return Point(row[0], row[1])
      }
    }
    let parts = try titles.enumerated().map { index, title in
      DensityMap.Part(
        title: title,
        logDensities: Grid(xs: xs, ys: ys, values: try logProb(rows, contextRow: index)),
        points: points)
    }
    return DensityMap(parts, names: (names[0], names[1])).svg
  }

  private func logProb(_ rows: Rows<Scalar>, contextRow index: Int) throws -> [Double] {
    let context = contexts.map { Rows(Array($0.row(index)), columns: $0.columns) }
    return try flow.logProb(rows, context: context, threads: command.options.threads)
      .map { Double($0) }
  }

  /// Samples of all features over the data's.
  func corner() throws -> SVG {
    let mostFeatures = 12
    guard shown.count <= mostFeatures else {
      throw ValidationError(
        "--kind corner shows at most \(mostFeatures) features at once; choose some of the "
          + "\(flow.features) with --features 1-\(mostFeatures)")
    }
    let drawn = try sample(command.rows ?? 20_000)
    return CornerPlot(
      sample: shown.map { drawn[$0] }, data: data.map { data in shown.map { data.column($0) } },
      names: shown.map { names[$0] }
    ).svg
  }

  /// How the flow bends each feature.
  func transform() throws -> SVG {
    let (lines, places) = (24, 160)
    guard shown.count <= 40 else {
      throw ValidationError(
        "--kind transform shows at most 40 features; choose some with --features")
    }
    // With data, their rows are held, each with its context; else samples are.
    let drawn: [[Double]] =
      if let data { (0..<flow.features).map(data.column) } else { try sample(2_000) }
    let held = min(lines, drawn[0].count)
    let rows = (0..<held).map { $0 * (drawn[0].count / held) }
    let context = contexts.map { contexts in
      contexts.count == 1
        ? Rows(contexts.values, columns: contexts.columns)
        : Rows(
          rows.flatMap { row in
            (0..<places).flatMap { _ in contexts.row(row % contexts.count) }
          }, columns: contexts.columns)
    }
    let pictures = try shown.map { feature -> [[Point]] in
      let xs = Grid.points(Summary.range(drawn[feature]), count: places)
      let values = rows.flatMap { row in
        xs.flatMap { x in
          (0..<flow.features).map { Scalar($0 == feature ? x : drawn[$0][row]) }
        }
      }
      let z = try flow.transform(
        Rows(values, columns: flow.features), context: context, threads: command.options.threads
      ).rows
      let column = z.numbersByColumn[feature]
      return (0..<held).map { line in
        zip(xs, column[line * places..<(line + 1) * places]).map { Point($0, $1) }
      }
    }
    return TransformShapes(pictures, names: shown.map { names[$0] }).svg
  }

  /// A number in a few characters, as a title has room for.
  static func short(_ value: Double) -> String { Summary.short(value) }
}
