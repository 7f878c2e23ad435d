using System.Text.RegularExpressions;

namespace Delos.Tests.Nemesis;

/// <summary>What becomes of a node that finds a file of its data directory damaged.</summary>
internal enum Consequence
{
    /// <summary>The file holds nothing that matters, or nothing that is not also known from others: the node starts and needs no help.</summary>
    Ignored,

    /// <summary>The node starts, says which entries it does not know, and fetches them from its peers.</summary>
    Repaired,

    /// <summary>The node does not start, and says which file is damaged and what to do.</summary>
    Refused,
}

/// <summary>The kinds of files that a node's data directory holds, all of them: a file that is of none of these kinds is a new kind, and somebody has to decide what its damage means.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Pattern">Of its path within the data directory.</param>
/// <param name="Consequence">Of its damage.</param>
/// <param name="IsAlwaysThere">There is one on every node that has run for a while and was restarted; others come and go.</param>
internal sealed record FileKind(string Name, string Pattern, Consequence Consequence, bool IsAlwaysThere = true)
{
    private const string Generation = "/g[0-9a-f]{8}-[0-9]{2}-[0-9]{2}-[0-9a-f]{16}(-b)?";
    private const string Loglet = "logserver/segments/[0-9a-f]{32}";

    /// <summary>The first that fits counts.</summary>
    public static IReadOnlyList<FileKind> All { get; } =
    [
        new("identity", "identity", Consequence.Refused),

        // An acceptor's promises, and what was deleted for good, cannot be guessed, and no peer knows them.
        new("MetaStore journal", $"metastore{Generation}/[0-9]{{8}}[.]seg", Consequence.Refused),
        new("catalog journal", $"logserver/catalog{Generation}/[0-9]{{8}}[.]seg", Consequence.Refused),
        new("segment", $"{Loglet}{Generation}/[0-9]{{8}}[.]seg", Consequence.Repaired),

        // What a marker says, the records prove as well.
        new("MetaStore journal's marker", $"metastore{Generation}/closed", Consequence.Ignored),
        new("catalog journal's marker", $"logserver/catalog{Generation}/closed", Consequence.Ignored),
        new("segment's marker", $"{Loglet}{Generation}/closed", Consequence.Ignored),
        new("lock", "lock", Consequence.Ignored),
        new("spare file", "logserver/spares/spare-[0-9]{6}", Consequence.Ignored),
        new("reserve", "logserver/spares/reserve", Consequence.Ignored),
        new("half-made file", "[.]probe|identity[.]new|.*/closed[.]tmp|.*/[0-9]{8}[.]seg[.]tmp", Consequence.Ignored, IsAlwaysThere: false),
        new("half-made journal", $"(metastore|logserver/catalog){Generation}[.]tmp/.*", Consequence.Ignored, IsAlwaysThere: false),
        new("deleted segment", "logserver/trash/.*", Consequence.Ignored, IsAlwaysThere: false),
        new("rehearsal", "rehearsal/.*", Consequence.Ignored, IsAlwaysThere: false),
    ];

    /// <summary>The kind of a file; null: a new one.</summary>
    /// <param name="path">Within the data directory.</param>
    public static FileKind? Of(string path) => All.FirstOrDefault(k => Regex.IsMatch(path, $"^({k.Pattern})$"));

    /// <summary>The files of this kind on a node, with their full paths.</summary>
    public List<string> FindIn(string dataDirectory) => [.. Directory.EnumerateFiles(dataDirectory, "*", SearchOption.AllDirectories).Where(f => Of(Path.GetRelativePath(dataDirectory, f)) == this)];
}
