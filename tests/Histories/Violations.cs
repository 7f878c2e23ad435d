namespace Delos.Tests.Histories;

/// <summary>What a checker found, in words, by kinds; of each kind only so many are told.</summary>
internal sealed class Violations
{
    private const int ToldOfAKind = 20;
    private readonly Dictionary<string, int> _counts = [];

    public List<string> Told { get; } = [];

    public void Add(string kind, string what)
    {
        var count = _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
        if (count <= ToldOfAKind) Told.Add($"{kind}: {what}");
    }
}
