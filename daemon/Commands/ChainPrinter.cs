using System.Globalization;
using System.Text.Json;
using Delos.Protocol.Chains;

namespace Delos.Daemon.Commands;

/// <summary>Prints chains, for every command that shows one.</summary>
internal static class ChainPrinter
{
    public static void Print(Output output, string log, Chain chain)
    {
        if (output.IsJson)
        {
            output.JsonObject(json => Write(json, log, chain));
            return;
        }

        output.Line($"log {log}: chain version {chain.Version}, new segments {Text(chain.Policy)}");
        output.Table(["START", "STOP", "LOGLET", "KIND", "SEQUENCER", "REPLICAS", "SINCE"], chain.Segments.Select(segment => new[]
        {
            Text(segment.Start),
            segment.Stop is { } stop ? Text(stop) : "open",
            segment.Loglet.Id.ToString(),
            Kind(segment.Loglet),
            Nodes(segment.Loglet.SequencerNodes),
            Nodes(segment.Loglet.ReplicaNodes),
            $"v{segment.CreatedAt}",
        }).ToList());
    }

    public static void Write(Utf8JsonWriter json, string log, Chain chain)
    {
        json.WriteString("log", log);
        json.WriteNumber("version", chain.Version);
        json.WriteStartObject("policy");
        json.WriteNumber("replication", chain.Policy.Replication);
        json.WriteString("kind", chain.Policy.Kind.ToString().ToLowerInvariant());
        json.WriteNumber("stripes", chain.Policy.Stripes);
        json.WriteBoolean("sharded", chain.Policy.Sharded);
        json.WriteEndObject();
        json.WriteStartArray("segments");
        foreach (var segment in chain.Segments)
        {
            json.WriteStartObject();
            json.WriteNumber("start", segment.Start);
            if (segment.Stop is { } stop) json.WriteNumber("stop", stop);
            else json.WriteNull("stop");
            Write(json, segment.Loglet);
            if (segment.Loglet.Stripes.Count > 0)
            {
                json.WriteStartArray("stripes");
                foreach (var stripe in segment.Loglet.Stripes)
                {
                    json.WriteStartObject();
                    Write(json, stripe);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteNumber("createdAt", segment.CreatedAt);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Node ids, separated by commas.</summary>
    public static string Nodes(IEnumerable<uint> nodes) => string.Join(",", nodes.Select(static n => Text(n)));

    public static string Text(LogPolicy policy) => policy.Kind == LogletKind.Striped
        ? $"striped over {policy.Stripes}{(policy.Sharded ? " shards" : "")}, replication {policy.Replication}"
        : $"{policy.Kind.ToString().ToLowerInvariant()}, replication {policy.Replication}";

    public static string Text<T>(T value) where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);

    private static string Kind(LogletConfig config) => config.Kind.ToString().ToLowerInvariant() + (config.Stripes.Count > 0 ? $" {config.Stripes.Count}" : "");

    private static void Write(Utf8JsonWriter json, LogletConfig config)
    {
        json.WriteString("loglet", config.Id.ToString());
        json.WriteString("kind", config.Kind.ToString().ToLowerInvariant());
        if (config.SequencerNode != 0)
        {
            json.WriteNumber("sequencer", config.SequencerNode);
            json.WriteString("incarnation", config.Incarnation.ToString("x16", CultureInfo.InvariantCulture));
        }

        json.WriteStartArray("replicas");
        foreach (var node in config.ReplicaNodes) json.WriteNumberValue(node);
        json.WriteEndArray();
    }
}
