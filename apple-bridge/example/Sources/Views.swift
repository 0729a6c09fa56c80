import SwiftUI
import Wristcast

/// The packet counter, the sources and how stale they are.
struct RelayView: View {
    @ObservedObject var model: Model

    var body: some View {
        NavigationView {
            List {
                Section {
                    if model.isRunning {
                        Button("Stop", role: .destructive, action: model.stop)
                        Button(model.snapshot?.panic == true ? "Release panic" : "Panic", action: model.panic)
                    } else {
                        Button("Start", action: model.start)
                    }
                    if let error = model.error { Text(error).foregroundColor(.red) }
                }
                Section("Packets") {
                    row("received", "\(model.snapshot?.packets.received ?? 0)")
                    row("per second", String(format: "%.0f", model.snapshot?.packets.perSecond ?? 0))
                }
                Section("Keep alive") {
                    Toggle("Play a click while the relay runs", isOn: $model.keepsAlive)
                    Text(words(model.keepAlive)).font(.footnote)
                }
                Section("Sources") {
                    ForEach(Array((model.snapshot?.sources ?? []).enumerated()), id: \.offset) { _, source in
                        VStack(alignment: .leading) {
                            Text("\(source.universe) \(source.name)")
                            Text("\(source.address) on \(source.interface ?? "no network of ours")")
                                .font(.footnote)
                            Text("\(source.seen) seen, \(source.missed) missed, last \(source.ageMs) ms ago")
                                .font(.footnote)
                                .foregroundColor(source.ageMs > 2_500 ? .red : .secondary)
                        }
                    }
                }
                Section("Faults") {
                    ForEach(model.snapshot?.faults ?? [], id: \.self) { Text($0).foregroundColor(.red) }
                }
            }
            .navigationTitle("wristcast")
        }
        .navigationViewStyle(.stack)
    }

    private func words(_ state: KeepAlive.State) -> String {
        switch state {
        case .off: "off: iOS suspends the app some 30 s after it leaves the foreground"
        case .armed: "ready"
        case .running: "running: the app is not suspended"
        case .interrupted(let reason): "interrupted: \(reason)"
        case .refused(let reason): "refused: \(reason)"
        }
    }
}

/// The groups' looks and the bands.
struct BandsView: View {
    @ObservedObject var model: Model

    var body: some View {
        List {
            Section("A real band, in the group left") {
                TextField("name or identifier", text: $model.band)
                TextField("profile", text: $model.profile)
            }
            .autocorrectionDisabled()
            .textInputAutocapitalization(.never)
            .disabled(model.isRunning)
            Section("Groups") {
                ForEach(model.snapshot?.groups ?? [], id: \.name) { group in
                    HStack {
                        Circle().fill(colour(group)).frame(width: 24, height: 24)
                        Text(group.name)
                        Spacer()
                        Text(group.lost ? "signal lost" : "live").foregroundColor(group.lost ? .red : .green)
                    }
                }
            }
            Section("Bands") {
                ForEach(model.snapshot?.bands ?? [], id: \.id) { band in
                    row(band.id, band.connected ? "connected" : band.detail ?? "not connected")
                }
            }
        }
    }

    private func colour(_ group: GroupSnapshot) -> Color {
        let scale = Double(group.dimmer) / 255 / 255
        return Color(
            red: Double(group.red) * scale, green: Double(group.green) * scale, blue: Double(group.blue) * scale)
    }
}

/// What came, what did not, and why.
struct ContinuityView: View {
    @ObservedObject var model: Model
    @State private var shares = false

    var body: some View {
        List {
            Section("Sources") {
                ForEach(model.report?.sources ?? [], id: \.self) { source in
                    row("\(source.universe) \(source.name)", "\(source.seen) seen, \(source.missed) missed")
                }
            }
            Section("Gaps") {
                ForEach(model.report?.gaps ?? [], id: \.self) { gap in
                    VStack(alignment: .leading) {
                        Text("\(gap.start.formatted(date: .omitted, time: .standard)), \(gap.seconds, specifier: "%.1f") s")
                        Text("\(gap.name), \(gap.universe): \(gap.missedWords) missed").font(.footnote)
                        Text(gap.cause.words).font(.footnote)
                    }
                }
            }
            Section("The app did not run") {
                ForEach(model.report?.suspensions ?? [], id: \.self) { suspension in
                    row(suspension.start.formatted(date: .omitted, time: .standard), "\(Int(suspension.seconds)) s")
                }
            }
            Button("Share the report") { shares = true }.disabled(model.report == nil)
        }
        .sheet(isPresented: $shares) { ShareSheet(text: model.report?.text ?? "") }
    }
}

/// What the app may do, and what to do about it.
struct PermissionsView: View {
    @ObservedObject var model: Model

    var body: some View {
        List {
            Button("Test", action: model.checkPermissions)
            row("this device", model.address ?? "no network")
            row("local network", "\(model.permissions.localNetwork)")
            row("multicast entitlement", "\(model.permissions.multicast)")
            row("Bluetooth", "\(model.permissions.bluetooth)")
            ForEach(Array(model.permissions.advice.enumerated()), id: \.offset) { _, advice in
                VStack(alignment: .leading) {
                    Text(advice.title).bold()
                    Text(advice.text).font(.footnote)
                    if advice.opensSettings, let url = URL(string: UIApplication.openSettingsURLString) {
                        Link("Open Settings", destination: url)
                    }
                }
            }
        }
    }
}

/// The system's sheet to share a text.
struct ShareSheet: UIViewControllerRepresentable {
    let text: String

    func makeUIViewController(context: Context) -> UIActivityViewController {
        UIActivityViewController(activityItems: [text], applicationActivities: nil)
    }

    func updateUIViewController(_ controller: UIActivityViewController, context: Context) {}
}

@MainActor
func row(_ name: String, _ value: String) -> some View {
    HStack {
        Text(name)
        Spacer()
        Text(value).foregroundColor(.secondary).multilineTextAlignment(.trailing)
    }
}
