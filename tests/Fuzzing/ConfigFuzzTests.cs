using System.Text.RegularExpressions;
using Delos.Client;
using Delos.Daemon.Commands;
using Delos.Daemon.Configuration;

namespace Delos.Tests.Fuzzing;

/// <summary>Configuration text, environment and flags, and connection strings: what is read makes sense, everything else is refused in words that say where.</summary>
public sealed partial class ConfigFuzzTests
{
    private const double Share = 1.0 / 4;

    private static readonly string[] s_words =
    [
        .. ConfigKeys.All.Select(k => k.Name + " = "), .. ConfigKeys.All.Select(k => $"\n[{k.Section}]\n{k.Name} = "), .. ConfigKeys.Sections.Select(s => $"[{s.Name}]\n"), "[", "]", "[]", "=", "\n", "#", ";", ",", ":",
        "true", "off", "KiB", "TiB", "us", "ms", "h", "m", "s", "B", "9223372036854775807", "9223372036854775808", "-1", "0", "0.5", ".", "1e9", "2562047788015h", "8388607TiB", "79228162514264337593543950335",
        "[::]:1", "[::1]:7400", "0.0.0.0:0", "a:0", "a:65536", ":1", "[:1", "[]:1", "localhost:7400", "00112233-4455-6677-8899-aabbccddeeff", "/", "../", "~", "/\0", " ",
    ];

    [Test]
    public void Any_text_is_a_configuration_or_refused_with_the_place() => Fuzz.Run("configuration text", 8_000, round =>
    {
        var text = round.Random.OneIn(3) ? SampleConfig.Text() : Minimal(round.Random);
        Check(TextMutator.Mutate(round.Random, text, s_words), new Dictionary<string, string>(), []);
    }, Share);

    [Test]
    public void Any_environment_and_flags_are_a_configuration_or_refused_with_the_place() => Fuzz.Run("configuration by environment and flags", 8_000, round =>
    {
        var random = round.Random;
        var environment = new Dictionary<string, string>();
        for (var i = random.Next(4); i > 0; i--) environment[TextMutator.Mutate(random, random.Pick(ConfigKeys.All).Variable, s_words)] = Value(random);
        for (var i = random.Next(4); i > 0; i--) environment[random.Pick(ConfigKeys.All).Variable] = Value(random);
        var flags = Enumerable.Range(0, random.Next(4)).Select(_ => random.OneIn(3) ? TextMutator.Mutate(random, random.Pick(ConfigKeys.All).FullName + "=1", s_words) : $"{random.Pick(ConfigKeys.All).FullName}={Value(random)}");
        Check(Minimal(random), environment, [.. flags]);
    }, Share);

    [Test]
    public void Any_connection_string_is_a_list_of_hosts_and_ports_or_refused() => Fuzz.Run("connection string", 200_000, round =>
    {
        for (var i = 0; i < 20; i++)
        {
            var text = TextMutator.Mutate(round.Random, round.Random.Pick(["delos://h1:7400,h2:7401", "127.0.0.1:1", "delos://[::1]:7400/", "DELOS://a.b.c:65535"]), s_words);
            CheckEndpoints(text);
            CheckHostPort(text);
        }

        return 20;
    }, Share);

    [Test]
    public void Any_duration_on_the_command_line_is_read_or_refused() => Fuzz.Run("duration", 2_000, round =>
    {
        var text = TextMutator.Mutate(round.Random, round.Random.Pick(["250ms", "5s", "2m", "1h"]), s_words);
        try
        {
            var command = new System.CommandLine.Command("x") { SharedOptions.Timeout };
            var result = command.Parse(["--timeout", text]);
            if (result.Errors.Count == 0 && result.GetValue(SharedOptions.Timeout) < TimeSpan.Zero) throw new FuzzFailure($"'{text}' was read as a negative time", "");
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"'{text}' threw {e.GetType().Name}: {e.Message}\n{e.StackTrace}", "");
        }
    }, Share);

    [Test]
    public void A_configuration_error_without_its_place_is_caught() => Fuzz.MustFail(200, "no place", round =>
        CheckErrors(["limits.max_entry: '1 parsec' is not a size"], "a.conf"));

    private static void Check(string text, Dictionary<string, string> environment, string[] flags)
    {
        try
        {
            var options = NodeOptions.From(Settings.Load("a.conf", text, environment, flags, []));
            if (options.MaxFrameBytes <= options.MaxEntryBytes || options.NodeId == 0 || options.HeartbeatTimeout <= options.HeartbeatInterval || options.FileBytes <= 0 || options.DataDirectory.Length == 0 || options.MetaStore.Any(s => s.Port is < 1 or > 65535))
                throw new FuzzFailure($"a configuration that makes no sense was accepted: {options}", Show(text, environment, flags));
        }
        catch (ConfigException e)
        {
            CheckErrors(e.Errors, Show(text, environment, flags));
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"{e.GetType().Name}: {e.Message}\n{e.StackTrace}", Show(text, environment, flags));
        }
    }

    private static void CheckErrors(IReadOnlyList<string> errors, string input)
    {
        if (errors.Count == 0) throw new FuzzFailure("refused without a reason", input);
        foreach (var error in errors)
        {
            if (!Place().IsMatch(error)) throw new FuzzFailure($"no place: {error}", input);
        }
    }

    private static string Show(string text, Dictionary<string, string> environment, string[] flags) =>
        $"{text}\n--environment: {string.Join(", ", environment)}\n--flags: {string.Join(", ", flags)}\n";

    private static void CheckEndpoints(string text)
    {
        try
        {
            foreach (var (host, port) in Endpoints.Parse(text))
            {
                if (port is < 1 or > 65535 || host.Length == 0 || host.AsSpan().IndexOfAny("[]/, \t\r\n\0") >= 0 || host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) throw new FuzzFailure($"'{text}' was read as host '{host}', port {port}", "");
            }
        }
        catch (FormatException)
        {
            // As documented.
        }
        catch (ArgumentException) when (string.IsNullOrWhiteSpace(text))
        {
            // Nothing was given.
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"'{text}' threw {e.GetType().Name}: {e.Message}", "");
        }
    }

    private static void CheckHostPort(string text)
    {
        try
        {
            if (HostPort.TryParse(text, out var value) && (value.Port is < 0 or > 65535 || value.Host.Length == 0 || value.Host.AsSpan().IndexOfAny("[]/,") >= 0 || value.Host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))) throw new FuzzFailure($"'{text}' was read as {value}", "");
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"'{text}' threw {e.GetType().Name}: {e.Message}", "");
        }
    }

    private static string Minimal(FuzzRandom random)
    {
        var lines = new List<string> { "[node]", "id = 1" };
        for (var i = random.Next(6); i > 0; i--)
        {
            var key = random.Pick(ConfigKeys.All);
            lines.Add($"[{key.Section}]\n{key.Name} = {(random.OneIn(2) ? key.Default : Value(random))}");
        }

        return string.Join('\n', lines);
    }

    private static string Value(FuzzRandom random) => random.OneIn(3) ? random.Pick(s_words) : random.Number() + random.Pick(["", "KiB", "MiB", "GiB", "TiB", "us", "ms", "s", "m", "h"]);

    [GeneratedRegex(@"a\.conf:\d+|environment DELOS_|--set |must be set: in the file|every role is off", RegexOptions.IgnoreCase)]
    private static partial Regex Place();
}
