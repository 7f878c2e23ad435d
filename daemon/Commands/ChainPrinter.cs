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

        output.Line($"log {log}: chain version {chain.Version}, replication {chain.Policy.Replication}");
        output.Table(["START", "STOP", "LOGLET", "KIND", "SEQUENCER", "REPLICAS", "SINCE"], chain.Segments.Select(segment => new[]
        {
            Text(segment.Start),
            segment.Stop is { } stop ? Text(stop) : "open",
            segment.Loglet.Id.ToString(),
            segment.Loglet.Kind.ToString().ToLowerInvariant(),
            Text(segment.Loglet.SequencerNode),
            string.Join(",", segment.Loglet.Replicas.Select(r => Text(r.NodeId))),
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
        json.WriteEndObject();
        json.WriteStartArray("segments");
        foreach (var segment in chain.Segments)
        {
            json.WriteStartObject();
            json.WriteNumber("start", segment.Start);
            if (segment.Stop is { } stop) json.WriteNumber("stop", stop);
            else json.WriteNull("stop");
            json.WriteString("loglet", segment.Loglet.Id.ToString());
            json.WriteString("kind", segment.Loglet.Kind.ToString().ToLowerInvariant());
            json.WriteNumber("sequencer", segment.Loglet.SequencerNode);
            json.WriteString("incarnation", segment.Loglet.Incarnation.ToString("x16", CultureInfo.InvariantCulture));
            json.WriteStartArray("replicas");
            foreach (var replica in segment.Loglet.Replicas) json.WriteNumberValue(replica.NodeId);
            json.WriteEndArray();
            json.WriteNumber("createdAt", segment.CreatedAt);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static string Text<T>(T value) where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
}
