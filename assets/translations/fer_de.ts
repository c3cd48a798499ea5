<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Actions</name>
    <message>
        <source>Marker 1</source>
        <translation>Marke 1</translation>
    </message>
    <message>
        <source>Marker 2</source>
        <translation>Marke 2</translation>
    </message>
    <message>
        <source>Marker 3</source>
        <translation>Marke 3</translation>
    </message>
    <message>
        <source>Marker 4</source>
        <translation>Marke 4</translation>
    </message>
    <message>
        <source>Begin or end marker 1</source>
        <translation>Marke 1 beginnen oder beenden</translation>
    </message>
    <message>
        <source>Begin or end marker 2</source>
        <translation>Marke 2 beginnen oder beenden</translation>
    </message>
    <message>
        <source>Begin or end marker 3</source>
        <translation>Marke 3 beginnen oder beenden</translation>
    </message>
    <message>
        <source>Begin or end marker 4</source>
        <translation>Marke 4 beginnen oder beenden</translation>
    </message>
    <message>
        <source>&amp;Open file…</source>
        <translation>&amp;Datei öffnen…</translation>
    </message>
    <message>
        <source>Open folder of &amp;pictures…</source>
        <translation>Bilder&amp;ordner öffnen…</translation>
    </message>
    <message>
        <source>Open &amp;network stream…</source>
        <translation>&amp;Netzwerkstream öffnen…</translation>
    </message>
    <message>
        <source>Capture p&amp;art of the screen…</source>
        <translation>&amp;Ausschnitt des Bildschirms…</translation>
    </message>
    <message>
        <source>Open recor&amp;ding…</source>
        <translation>Aufnahme öff&amp;nen…</translation>
    </message>
    <message>
        <source>&amp;Close source</source>
        <translation>&amp;Quelle schließen</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>&amp;Record</source>
        <translation>&amp;Aufnehmen</translation>
    </message>
    <message>
        <source>&amp;Pause recording</source>
        <translation>Aufnahme an&amp;halten</translation>
    </message>
    <message>
        <source>&amp;Other marker…</source>
        <translation>Andere &amp;Marke…</translation>
    </message>
    <message>
        <source>&amp;Snapshot</source>
        <translation>&amp;Schnappschuss</translation>
    </message>
    <message>
        <source>&amp;Blur faces</source>
        <translation>Gesichter &amp;unkenntlich machen</translation>
    </message>
    <message>
        <source>&amp;Play or pause</source>
        <translation>&amp;Abspielen oder anhalten</translation>
    </message>
    <message>
        <source>Frame &amp;before</source>
        <translation>Ein Bild &amp;zurück</translation>
    </message>
    <message>
        <source>&amp;Next frame</source>
        <translation>&amp;Nächstes Bild</translation>
    </message>
    <message>
        <source>&amp;5 seconds back</source>
        <translation>&amp;5 Sekunden zurück</translation>
    </message>
    <message>
        <source>5 seconds &amp;forward</source>
        <translation>5 Sekunden &amp;vor</translation>
    </message>
    <message>
        <source>&amp;Sound of the file</source>
        <translation>&amp;Ton der Datei</translation>
    </message>
    <message>
        <source>&amp;Mirror cameras</source>
        <translation>Kameras s&amp;piegeln</translation>
    </message>
    <message>
        <source>&amp;Landmarks</source>
        <translation>&amp;Landmarken</translation>
    </message>
    <message>
        <source>&amp;Head axes</source>
        <translation>&amp;Kopfachsen</translation>
    </message>
    <message>
        <source>&amp;Follow the largest face</source>
        <translation>Dem &amp;größten Gesicht folgen</translation>
    </message>
    <message>
        <source>&amp;Name and colour of the face…</source>
        <translation>&amp;Name und Farbe des Gesichts…</translation>
    </message>
    <message>
        <source>Layout: &amp;Session</source>
        <translation>Layout: &amp;Sitzung</translation>
    </message>
    <message>
        <source>Layout: &amp;Analysis</source>
        <translation>Layout: &amp;Analyse</translation>
    </message>
    <message>
        <source>Layout: &amp;Presentation</source>
        <translation>Layout: P&amp;räsentation</translation>
    </message>
    <message>
        <source>&amp;Reset layout</source>
        <translation>Layout &amp;zurücksetzen</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>&amp;Einstellungen…</translation>
    </message>
    <message>
        <source>&amp;Keyboard shortcuts</source>
        <translation>&amp;Tastenkürzel</translation>
    </message>
    <message>
        <source>&amp;Documentation</source>
        <translation>&amp;Dokumentation</translation>
    </message>
    <message>
        <source>What the numbers &amp;mean, and privacy</source>
        <translation>Was die &amp;Zahlen bedeuten, und Datenschutz</translation>
    </message>
    <message>
        <source>&amp;Notice for people in the picture…</source>
        <translation>&amp;Hinweis für Personen im Bild…</translation>
    </message>
    <message>
        <source>&amp;Report a problem…</source>
        <translation>&amp;Problem melden…</translation>
    </message>
    <message>
        <source>&amp;About fer-live</source>
        <translation>Ü&amp;ber fer-live</translation>
    </message>
    <message>
        <source>Table, CSV…</source>
        <translation>Tabelle, CSV…</translation>
    </message>
    <message>
        <source>Table, Parquet…</source>
        <translation>Tabelle, Parquet…</translation>
    </message>
    <message>
        <source>Everything, JSON…</source>
        <translation>Alles, JSON…</translation>
    </message>
    <message>
        <source>Plot, PNG…</source>
        <translation>Diagramm, PNG…</translation>
    </message>
    <message>
        <source>Plot, SVG…</source>
        <translation>Diagramm, SVG…</translation>
    </message>
    <message>
        <source>Subtitles, WebVTT…</source>
        <translation>Untertitel, WebVTT…</translation>
    </message>
    <message>
        <source>ELAN tiers, EAF 3.0…</source>
        <translation>ELAN-Zeilen, EAF 3.0…</translation>
    </message>
    <message>
        <source>Choose video…</source>
        <translation>Video wählen…</translation>
    </message>
    <message>
        <source>To the start</source>
        <translation>Zum Anfang</translation>
    </message>
    <message>
        <source>To the end</source>
        <translation>Zum Ende</translation>
    </message>
    <message>
        <source>Marker before</source>
        <translation>Vorige Marke</translation>
    </message>
    <message>
        <source>Next marker</source>
        <translation>Nächste Marke</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>Vergrößern</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>Verkleinern</translation>
    </message>
    <message>
        <source>Span starts here</source>
        <translation>Abschnitt beginnt hier</translation>
    </message>
    <message>
        <source>Span ends here</source>
        <translation>Abschnitt endet hier</translation>
    </message>
    <message>
        <source>Choose the span here</source>
        <translation>Abschnitt hier wählen</translation>
    </message>
    <message>
        <source>Delete track</source>
        <translation>Spur löschen</translation>
    </message>
    <message>
        <source>Delete track in the span</source>
        <translation>Spur im Abschnitt löschen</translation>
    </message>
    <message>
        <source>Split track &amp;here</source>
        <translation>Spur &amp;hier teilen</translation>
    </message>
    <message>
        <source>One &amp;person, as suggested</source>
        <translation>&amp;Eine Person, wie vorgeschlagen</translation>
    </message>
    <message>
        <source>&amp;Two people: no such suggestion</source>
        <translation>&amp;Zwei Personen: kein solcher Vorschlag</translation>
    </message>
    <message>
        <source>Text of the marker here…</source>
        <translation>Text der Marke hier…</translation>
    </message>
    <message>
        <source>Move the nearest marker here</source>
        <translation>Nächstgelegene Marke hierher verschieben</translation>
    </message>
    <message>
        <source>The marker before ends here</source>
        <translation>Die vorige Marke endet hier</translation>
    </message>
    <message>
        <source>Delete the marker here</source>
        <translation>Marke hier löschen</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <source>Close the &amp;window</source>
        <translation>&amp;Fenster schließen</translation>
    </message>
</context><context>
    <name>AffectPlot</name>
    <message>
        <source>Valence and arousal over time</source>
        <translation>Valenz und Erregung im Zeitverlauf</translation>
    </message>
    <message>
        <source>Plot of valence and arousal</source>
        <translation>Diagramm von Valenz und Erregung</translation>
    </message>
    <message>
        <source>Solid line: valence. Dashed line: arousal.</source>
        <translation>Durchgezogene Linie: Valenz. Gestrichelte Linie: Erregung.</translation>
    </message>
    <message>
        <source>Length of the plot</source>
        <translation>Länge des Diagramms</translation>
    </message>
    <message>
        <source>How much time the plot shows</source>
        <translation>Wie viel Zeit das Diagramm zeigt</translation>
    </message>
    <message>
        <source>Show more time (−)</source>
        <translation>Mehr Zeit zeigen (−)</translation>
    </message>
    <message>
        <source>Show less time (+)</source>
        <translation>Weniger Zeit zeigen (+)</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Hold the plot still (Space)</source>
        <translation>Diagramm anhalten (Leertaste)</translation>
    </message>
    <message>
        <source>{0:g} s</source>
        <translation>{0:g} s</translation>
    </message>
    <message>
        <source>{0:g} min</source>
        <translation>{0:g} min</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
</context><context>
    <name>Banner</name>
    <message>
        <source>Message</source>
        <translation>Meldung</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Close the message</source>
        <translation>Meldung schließen</translation>
    </message>
</context><context>
    <name>Bars</name>
    <message>
        <source>Probability of each class</source>
        <translation>Wahrscheinlichkeit jeder Klasse</translation>
    </message>
    <message>
        <source>no numbers</source>
        <translation>keine Zahlen</translation>
    </message>
</context><context>
    <name>CircumplexPanel</name>
    <message>
        <source>Plane of valence and arousal</source>
        <translation>Ebene von Valenz und Erregung</translation>
    </message>
</context><context>
    <name>DocumentationDialog</name>
    <message>
        <source>Documentation</source>
        <translation>Dokumentation</translation>
    </message>
</context><context>
    <name>EmptyPicture</name>
    <message>
        <source>Choose a source</source>
        <translation>Wählen Sie eine Quelle</translation>
    </message>
    <message>
        <source>Opened last</source>
        <translation>Zuletzt geöffnet</translation>
    </message>
    <message>
        <source>No camera found; plug one in</source>
        <translation>Keine Kamera gefunden; schließen Sie eine an</translation>
    </message>
</context><context>
    <name>FaceSheet</name>
    <message>
        <source>Name and colour of face {n}</source>
        <translation>Name und Farbe von Gesicht {n}</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>face {n}</source>
        <translation>Gesicht {n}</translation>
    </message>
    <message>
        <source>&amp;Name</source>
        <translation>&amp;Name</translation>
    </message>
    <message>
        <source>&amp;Colour</source>
        <translation>&amp;Farbe</translation>
    </message>
    <message>
        <source>The name is kept in recordings and shown in their videos and exports, over blurred faces too. Write a code where nobody is to be known by it.</source>
        <translation>Der Name bleibt in Aufnahmen und steht in deren Videos und Exporten, auch über unkenntlichen Gesichtern. Schreiben Sie ein Kürzel, wo niemand daran erkannt werden soll.</translation>
    </message>
    <message>
        <source>Colour</source>
        <translation>Farbe</translation>
    </message>
    <message>
        <source>that of its number</source>
        <translation>die seiner Nummer</translation>
    </message>
    <message>
        <source>{colour} (as {faces})</source>
        <translation>{colour} (wie {faces})</translation>
    </message>
</context><context>
    <name>FacesControl</name>
    <message>
        <source>There is no face to name.</source>
        <translation>Es gibt kein Gesicht zu benennen.</translation>
    </message>
</context><context>
    <name>HelpControl</name>
    <message>
        <source>About fer-live</source>
        <translation>Über fer-live</translation>
    </message>
</context><context>
    <name>KeysModel</name>
    <message>
        <source>both windows</source>
        <translation>beide Fenster</translation>
    </message>
    <message>
        <source>window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <source>review</source>
        <translation>Durchsicht</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>Aktion</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>Taste</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>Wo</translation>
    </message>
</context><context>
    <name>KeysPage</name>
    <message>
        <source>Keys</source>
        <translation>Tasten</translation>
    </message>
    <message>
        <source>Actions and their keys</source>
        <translation>Aktionen und ihre Tasten</translation>
    </message>
    <message>
        <source>Enter leads to the field for the key</source>
        <translation>Die Eingabetaste führt zum Feld für die Taste</translation>
    </message>
    <message>
        <source>&amp;No key</source>
        <translation>&amp;Keine Taste</translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation>&amp;Zurücksetzen</translation>
    </message>
    <message>
        <source>Reset &amp;all</source>
        <translation>&amp;Alle zurücksetzen</translation>
    </message>
    <message>
        <source>Key of: {action}</source>
        <translation>Taste von: {action}</translation>
    </message>
</context><context>
    <name>Legend</name>
    <message>
        <source>Colours of the labels</source>
        <translation>Farben der Ausdrücke</translation>
    </message>
    <message>
        <source>corrected</source>
        <translation>berichtigt</translation>
    </message>
</context><context>
    <name>MainWindow</name>
    <message>
        <source>Unexpected error: {why}</source>
        <translation>Unerwarteter Fehler: {why}</translation>
    </message>
    <message>
        <source>Expression</source>
        <translation>Ausdruck</translation>
    </message>
    <message>
        <source>Valence and arousal</source>
        <translation>Valenz und Erregung</translation>
    </message>
    <message>
        <source>Statistics</source>
        <translation>Statistik</translation>
    </message>
    <message>
        <source>Performance</source>
        <translation>Leistung</translation>
    </message>
    <message>
        <source>Valence and arousal over time</source>
        <translation>Valenz und Erregung im Zeitverlauf</translation>
    </message>
    <message>
        <source>Recording</source>
        <translation>Aufnahme</translation>
    </message>
    <message>
        <source>One thing is shown at a time; not opened: {names}</source>
        <translation>Es wird immer nur eines gezeigt; nicht geöffnet: {names}</translation>
    </message>
    <message>
        <source>close the window</source>
        <translation>das Fenster zu schließen</translation>
    </message>
    <message>
        <source>S&amp;ession</source>
        <translation>S&amp;itzung</translation>
    </message>
    <message>
        <source>&amp;Playback</source>
        <translation>&amp;Wiedergabe</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Ansicht</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
</context><context>
    <name>MarkerChip</name>
    <message>
        <source>Text of the marker {key}</source>
        <translation>Text der Marke {key}</translation>
    </message>
    <message>
        <source>Mark: {text} ({key})</source>
        <translation>Marke setzen: {text} ({key})</translation>
    </message>
    <message>
        <source>{text} lasts until its key is pressed again</source>
        <translation>{text} dauert an, bis die Taste wieder gedrückt wird</translation>
    </message>
</context><context>
    <name>ModelList</name>
    <message>
        <source>Networks to choose from</source>
        <translation>Netze zur Auswahl</translation>
    </message>
</context><context>
    <name>ModelTable</name>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Accuracy</source>
        <translation>Genauigkeit</translation>
    </message>
    <message>
        <source>ECE</source>
        <translation>ECE</translation>
    </message>
    <message>
        <source>M parameters</source>
        <translation>Mio. Param.</translation>
    </message>
    <message>
        <source>GMAC</source>
        <translation>GMAC</translation>
    </message>
    <message>
        <source>Classes</source>
        <translation>Klassen</translation>
    </message>
    <message>
        <source>Gives</source>
        <translation>Liefert</translation>
    </message>
    <message>
        <source>expression</source>
        <translation>Ausdruck</translation>
    </message>
    <message>
        <source>valence-arousal</source>
        <translation>Valenz-Erregung</translation>
    </message>
    <message>
        <source>valence-arousal (derived)</source>
        <translation>Valenz-Erregung (abgeleitet)</translation>
    </message>
    <message>
        <source>accuracy and ECE in {0} on {1} faces</source>
        <translation>Genauigkeit und ECE in {0} an Gesichtern: {1}</translation>
    </message>
</context><context>
    <name>NoticeDialog</name>
    <message>
        <source>Notice for people in the picture</source>
        <translation>Hinweis für Personen im Bild</translation>
    </message>
    <message>
        <source>The notice</source>
        <translation>Der Hinweis</translation>
    </message>
    <message>
        <source>Language of the notice</source>
        <translation>Sprache des Hinweises</translation>
    </message>
    <message>
        <source>&amp;Full screen</source>
        <translation>&amp;Vollbild</translation>
    </message>
    <message>
        <source>&amp;Print…</source>
        <translation>&amp;Drucken…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
</context><context>
    <name>OutputsWatch</name>
    <message>
        <source>Recordings go to {folder}; nothing is stored unless you record.</source>
        <translation>Aufnahmen kommen nach {folder}; gespeichert wird nur, was Sie aufnehmen.</translation>
    </message>
    <message>
        <source>Nothing is sent: nothing leaves this program.</source>
        <translation>Nichts wird gesendet: Nichts verlässt dieses Programm.</translation>
    </message>
    <message>
        <source>Numbers are sent to {targets}.</source>
        <translation>Zahlen werden gesendet an {targets}.</translation>
    </message>
    <message>
        <source>Markers are heard by {sources}.</source>
        <translation>Marken werden empfangen über {sources}.</translation>
    </message>
    <message>
        <source>{name} fails</source>
        <translation>{name} gestört</translation>
    </message>
    <message>
        <source>It is being opened</source>
        <translation>Wird geöffnet</translation>
    </message>
    <message>
        <source>hears this machine alone</source>
        <translation>hört nur diesen Rechner</translation>
    </message>
    <message>
        <source>hears other machines</source>
        <translation>hört andere Rechner</translation>
    </message>
    <message>
        <source>{came} came, {refused} refused</source>
        <translation>{came} angekommen, {refused} abgelehnt</translation>
    </message>
    <message>
        <source>{n} refused</source>
        <translation>{n} abgelehnt</translation>
    </message>
    <message>
        <source>{sent} sent, {dropped} not</source>
        <translation>{sent} gesendet, {dropped} nicht</translation>
    </message>
    <message>
        <source>leaves this machine</source>
        <translation>verlässt diesen Rechner</translation>
    </message>
    <message>
        <source>stays on this machine</source>
        <translation>bleibt auf diesem Rechner</translation>
    </message>
</context><context>
    <name>OverlayPainter</name>
    <message>
        <source>corrected</source>
        <translation>korrigiert</translation>
    </message>
</context><context>
    <name>Page</name>
    <message>
        <source>Browse…</source>
        <translation>Suchen…</translation>
    </message>
    <message>
        <source>Browse: {0}</source>
        <translation>Suchen: {0}</translation>
    </message>
</context><context>
    <name>Panel</name>
    <message>
        <source>No signal since {time}</source>
        <translation>Kein Signal seit {time}</translation>
    </message>
</context><context>
    <name>ParticipantSheet</name>
    <message>
        <source>Before the recording</source>
        <translation>Vor der Aufnahme</translation>
    </message>
    <message>
        <source>The people were &amp;told that their expressions are read</source>
        <translation>Die Personen &amp;wissen, dass ihre Mimik gelesen wird</translation>
    </message>
    <message>
        <source>They &amp;agreed to be recorded</source>
        <translation>Sie haben in die Aufnahme ein&amp;gewilligt</translation>
    </message>
    <message>
        <source>&amp;Participant</source>
        <translation>Tei&amp;lnehmer</translation>
    </message>
    <message>
        <source>&amp;Session</source>
        <translation>&amp;Sitzung</translation>
    </message>
    <message>
        <source>&amp;Condition</source>
        <translation>&amp;Bedingung</translation>
    </message>
    <message>
        <source>&amp;Notes</source>
        <translation>&amp;Notizen</translation>
    </message>
    <message>
        <source>a code, no name</source>
        <translation>ein Kürzel, kein Name</translation>
    </message>
    <message>
        <source>This is kept in the recording's session.json, and nowhere else. All may be empty.</source>
        <translation>Dies steht in der session.json der Aufnahme und sonst nirgends. Alles darf leer sein.</translation>
    </message>
    <message>
        <source>&amp;Record</source>
        <translation>&amp;Aufnehmen</translation>
    </message>
    <message>
        <source>Record &amp;without</source>
        <translation>&amp;Ohne Angaben aufnehmen</translation>
    </message>
</context><context>
    <name>PerformancePanel</name>
    <message>
        <source>Performance</source>
        <translation>Leistung</translation>
    </message>
    <message>
        <source>Analysis rate</source>
        <translation>Analyserate</translation>
    </message>
    <message>
        <source>Analyses a second over the last seconds</source>
        <translation>Analysen je Sekunde in den letzten Sekunden</translation>
    </message>
    <message>
        <source>Latency, median</source>
        <translation>Latenz, Median</translation>
    </message>
    <message>
        <source>From the camera to the window, half are faster</source>
        <translation>Von der Kamera bis ins Fenster; die Hälfte ist schneller</translation>
    </message>
    <message>
        <source>Latency, 95 %</source>
        <translation>Latenz, 95 %</translation>
    </message>
    <message>
        <source>From the camera to the window, 95 % are faster</source>
        <translation>Von der Kamera bis ins Fenster; 95 % sind schneller</translation>
    </message>
    <message>
        <source>Frames not analysed</source>
        <translation>Nicht analysiert</translation>
    </message>
    <message>
        <source>Left out because a newer one had arrived; the picture shows them all the same</source>
        <translation>Ausgelassen, weil ein neueres da war; gezeigt werden sie trotzdem</translation>
    </message>
    <message>
        <source>Frames analysed</source>
        <translation>Analysiert</translation>
    </message>
    <message>
        <source>Since the source was opened</source>
        <translation>Seit die Quelle geöffnet wurde</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>What the networks run on</source>
        <translation>Worauf die Netze rechnen</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>What reads the faces</source>
        <translation>Was die Gesichter liest</translation>
    </message>
    <message>
        <source>{0:.1f} fps</source>
        <translation>{0:.1f} Bilder/s</translation>
    </message>
    <message>
        <source>{0} ({1:.0f} %)</source>
        <translation>{0} ({1:.0f} %)</translation>
    </message>
    <message>
        <source>{0:.0f} ms</source>
        <translation>{0:.0f} ms</translation>
    </message>
</context><context>
    <name>Plane</name>
    <message>
        <source>Valence across, arousal upwards</source>
        <translation>Valenz nach rechts, Erregung nach oben</translation>
    </message>
    <message>
        <source>no face</source>
        <translation>kein Gesicht</translation>
    </message>
    <message>
        <source>face {0}: valence {1:+.2f}, arousal {2:+.2f}</source>
        <translation>Gesicht {0}: Valenz {1:+.2f}, Erregung {2:+.2f}</translation>
    </message>
    <message>
        <source>unpleasant</source>
        <translation>unangenehm</translation>
    </message>
    <message>
        <source>pleasant</source>
        <translation>angenehm</translation>
    </message>
    <message>
        <source>excited</source>
        <translation>erregt</translation>
    </message>
    <message>
        <source>calm</source>
        <translation>ruhig</translation>
    </message>
</context><context>
    <name>PrivacyDialog</name>
    <message>
        <source>Privacy and meaning</source>
        <translation>Datenschutz und Bedeutung</translation>
    </message>
    <message>
        <source>What this program does and does not</source>
        <translation>Was dieses Programm tut und was nicht</translation>
    </message>
    <message>
        <source>Before you begin</source>
        <translation>Bevor Sie beginnen</translation>
    </message>
    <message>
        <source>I have read this</source>
        <translation>Ich habe das gelesen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
    <message>
        <source>Nothing leaves this machine</source>
        <translation>Nichts verlässt diesen Rechner</translation>
    </message>
    <message>
        <source>Pictures are analysed here and then forgotten. No picture and no number is stored unless you press Record, save a snapshot or save a table; nothing is sent unless you turn an output on in the settings, and outputs send numbers, never pictures; nothing is listened to unless you turn markers from other programs on, which are texts.</source>
        <translation>Bilder werden hier analysiert und dann vergessen. Kein Bild und keine Zahl wird gespeichert, außer Sie nehmen auf, machen einen Schnappschuss oder speichern eine Tabelle. Gesendet wird nur, wenn Sie in den Einstellungen eine Ausgabe einschalten, und Ausgaben senden Zahlen, nie Bilder. Empfangen wird nur, wenn Sie Marken anderer Programme einschalten; das sind Texte.</translation>
    </message>
    <message>
        <source>Recordings are yours to protect: whoever can read the folder can see the faces. The settings can blur faces in recorded videos; voices, which are recorded only where Sound is ticked, are not changed. Ask the people in front of the camera before you record them.</source>
        <translation>Aufnahmen müssen Sie selbst schützen: Wer den Ordner lesen kann, kann die Gesichter sehen. In den Einstellungen können Sie Gesichter in aufgenommenen Videos unkenntlich machen; Stimmen, die nur mit einem Haken bei Ton aufgenommen werden, bleiben unverändert. Fragen Sie die Menschen vor der Kamera, bevor Sie sie aufnehmen.</translation>
    </message>
    <message>
        <source>What the numbers mean</source>
        <translation>Was die Zahlen bedeuten</translation>
    </message>
    <message>
        <source>They describe what a face shows in a picture: how likely an observer would name one of eight expressions, and where the expression lies between unpleasant and pleasant (valence) and between calm and excited (arousal).</source>
        <translation>Sie beschreiben, was ein Gesicht in einem Bild zeigt: wie wahrscheinlich ein Betrachter einen von acht Ausdrücken nennen würde, und wo der Ausdruck zwischen unangenehm und angenehm (Valenz) und zwischen ruhig und erregt (Erregung) liegt.</translation>
    </message>
    <message>
        <source>Labels with low reliability are called uncertain. Light, angle, glasses and what covers a face change how often the program errs. Whether age and skin tone do has not been measured: the faces it was judged on have no such labels.</source>
        <translation>Angaben mit geringer Verlässlichkeit heißen unsicher. Licht, Blickwinkel, Brillen und was ein Gesicht verdeckt, ändern, wie oft das Programm irrt. Ob Alter und Hautton das tun, wurde nicht gemessen: Die Gesichter, an denen es geprüft wurde, tragen keine solchen Angaben.</translation>
    </message>
    <message>
        <source>What they do not mean</source>
        <translation>Was sie nicht bedeuten</translation>
    </message>
    <message>
        <source>They do not say what a person feels, thinks, intends or is like. People smile without joy and are sad without showing it. This is no medical device and no lie detector.</source>
        <translation>Sie sagen nicht, was ein Mensch fühlt, denkt, vorhat oder wie er ist. Menschen lächeln ohne Freude und sind traurig, ohne es zu zeigen. Dies ist kein Medizinprodukt und kein Lügendetektor.</translation>
    </message>
    <message>
        <source>Tell the people in the picture</source>
        <translation>Sagen Sie es den Personen im Bild</translation>
    </message>
    <message>
        <source>Whoever uses such a system in the European Union has to tell the people in front of the camera that it runs (AI Act, Article 50(3), in force since 2 August 2026). Help, Notice for people in the picture, has words for that in three languages, to show or to print; a recording can keep that they were told.</source>
        <translation>Wer ein solches System in der Europäischen Union einsetzt, muss die Menschen vor der Kamera informieren, dass es läuft (KI-Verordnung, Artikel 50 Absatz 3, anzuwenden seit 2. August 2026). Unter Hilfe, Hinweis für Personen im Bild, steht ein Text dafür in drei Sprachen zum Zeigen oder Drucken; eine Aufnahme kann festhalten, dass sie informiert wurden.</translation>
    </message>
    <message>
        <source>What it is for</source>
        <translation>Wofür es gedacht ist</translation>
    </message>
    <message>
        <source>Research and personal use, with people who know and agree: not work, school, hiring or policing.</source>
        <translation>Forschung und persönlicher Gebrauch, mit Menschen, die davon wissen und einverstanden sind: nicht Arbeit, Schule, Einstellung oder Polizei.</translation>
    </message>
    <message>
        <source>From 2 December 2027 some uses of emotion recognition carry the duties of high-risk systems (Annex III); that the program is open source is no exemption (Article 2(12)). This page is no legal advice: let a lawyer look at what you plan. The law's text is on eur-lex.europa.eu under 2024/1689.</source>
        <translation>Ab 2. Dezember 2027 gelten für manche Anwendungen der Emotionserkennung die Pflichten für Hochrisiko-Systeme (Anhang III); dass das Programm quelloffen ist, befreit davon nicht (Artikel 2 Absatz 12). Diese Seite ist keine Rechtsberatung: Lassen Sie Ihr Vorhaben von einem Juristen prüfen. Der Gesetzestext steht auf eur-lex.europa.eu unter 2024/1689.</translation>
    </message>
    <message>
        <source>Not for judging people at work or school</source>
        <translation>Nicht zur Beurteilung bei Arbeit oder Schule</translation>
    </message>
    <message>
        <source>Do not use it to judge, hire, grade or watch employees, applicants, pupils or students. In the European Union, Article 5(1)(f) of the AI Act (Regulation (EU) 2024/1689) prohibits systems that infer emotions at the workplace and in education, except for medical or safety reasons.</source>
        <translation>Benutzen Sie es nicht, um Beschäftigte, Bewerber, Schüler oder Studierende zu beurteilen, einzustellen, zu benoten oder zu überwachen. In der Europäischen Union verbietet Artikel 5 Absatz 1 Buchstabe f der KI-Verordnung (Verordnung (EU) 2024/1689) Systeme, die am Arbeitsplatz und in der Bildung Emotionen ableiten, außer aus medizinischen Gründen oder Sicherheitsgründen.</translation>
    </message>
</context><context>
    <name>ProbabilitiesPanel</name>
    <message>
        <source>Class probabilities</source>
        <translation>Wahrscheinlichkeiten der Klassen</translation>
    </message>
    <message>
        <source>unsure</source>
        <translation>unsicher</translation>
    </message>
    <message>
        <source>sure</source>
        <translation>sicher</translation>
    </message>
    <message>
        <source>No face</source>
        <translation>Kein Gesicht</translation>
    </message>
    <message>
        <source>Not in the picture</source>
        <translation>Nicht im Bild</translation>
    </message>
    <message>
        <source>No expressions</source>
        <translation>Keine Ausdrücke</translation>
    </message>
    <message>
        <source>{0} {1} %</source>
        <translation>{0} {1} %</translation>
    </message>
    <message>
        <source>Bars appear as soon as a face is found.</source>
        <translation>Balken erscheinen, sobald ein Gesicht gefunden wird.</translation>
    </message>
    <message>
        <source>It stays selected until it returns.</source>
        <translation>Es bleibt ausgewählt, bis es wiederkommt.</translation>
    </message>
    <message>
        <source>Selected face</source>
        <translation>Ausgewähltes Gesicht</translation>
    </message>
    <message>
        <source>Largest face</source>
        <translation>Größtes Gesicht</translation>
    </message>
    <message>
        <source>{0} · the model knows valence and arousal only</source>
        <translation>{0} · das Modell kennt nur Valenz und Erregung</translation>
    </message>
    <message>
        <source>{0} · reliability {1:.2f}</source>
        <translation>{0} · Verlässlichkeit {1:.2f}</translation>
    </message>
</context><context>
    <name>Questions</name>
    <message>
        <source>A recording is running. Stop it, keep what was recorded, and {doing}?</source>
        <translation>Eine Aufnahme läuft. Soll sie beendet und behalten werden, um {doing}?</translation>
    </message>
    <message>
        <source>Stop and save</source>
        <translation>Beenden und speichern</translation>
    </message>
    <message>
        <source>Go on recording</source>
        <translation>Weiter aufnehmen</translation>
    </message>
    <message>
        <source>This begins the analysis anew, with other faces and empty statistics. They hold {time} of a face; save them first with Save CSV if you need them.</source>
        <translation>Damit beginnt die Analyse neu, mit anderen Gesichtern und leerer Statistik. Sie enthält {time} eines Gesichts; speichern Sie sie vorher mit CSV speichern, wenn Sie sie brauchen.</translation>
    </message>
    <message>
        <source>Begin anew</source>
        <translation>Neu beginnen</translation>
    </message>
    <message>
        <source>Leave it as it is</source>
        <translation>Alles so lassen</translation>
    </message>
</context><context>
    <name>RecordingPanel</name>
    <message>
        <source>Snapshot</source>
        <translation>Schnappschuss</translation>
    </message>
    <message>
        <source>Save the picture as a PNG file</source>
        <translation>Das Bild als PNG-Datei speichern</translation>
    </message>
    <message>
        <source>Time of the recording</source>
        <translation>Zeit der Aufnahme</translation>
    </message>
    <message>
        <source>State of the recording</source>
        <translation>Stand der Aufnahme</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>Meldung</translation>
    </message>
    <message>
        <source>Video</source>
        <translation>Video</translation>
    </message>
    <message>
        <source>Records</source>
        <translation>Daten</translation>
    </message>
    <message>
        <source>Draw boxes and labels</source>
        <translation>Rahmen und Angaben einzeichnen</translation>
    </message>
    <message>
        <source>Clean copy too</source>
        <translation>Auch eine saubere Kopie</translation>
    </message>
    <message>
        <source>A second video without boxes and labels; where faces are blurred, they are blurred in both. Encoding takes twice the time</source>
        <translation>Ein zweites Video ohne Rahmen und Angaben; unkenntliche Gesichter sind es in beiden. Das Kodieren dauert doppelt so lange</translation>
    </message>
    <message>
        <source>Strip and class bars</source>
        <translation>Streifen und Klassenbalken</translation>
    </message>
    <message>
        <source>Draw valence and arousal along the bottom, and bars beside the faces</source>
        <translation>Valenz und Erregung am unteren Rand einzeichnen, und Balken neben den Gesichtern</translation>
    </message>
    <message>
        <source>Blur faces</source>
        <translation>Gesichter unkenntlich machen</translation>
    </message>
    <message>
        <source>Whole picture when unsure</source>
        <translation>Im Zweifel das ganze Bild</translation>
    </message>
    <message>
        <source>Blur all of a picture in which nobody was found or somebody was lost</source>
        <translation>Ein Bild ganz unkenntlich machen, in dem niemand gefunden oder jemand verloren wurde</translation>
    </message>
    <message>
        <source>A face that is never found stays bare.</source>
        <translation>Ein Gesicht, das nie gefunden wird, bleibt erkennbar.</translation>
    </message>
    <message>
        <source>A table with a row for each face in each frame</source>
        <translation>Eine Tabelle mit einer Zeile je Gesicht und Bild</translation>
    </message>
    <message>
        <source>Blur the faces that are found in video and snapshots, from a second before they are found to a second after they are lost</source>
        <translation>Gefundene Gesichter in Video und Schnappschüssen unkenntlich machen, von einer Sekunde davor bis eine Sekunde nachdem sie verloren sind</translation>
    </message>
    <message>
        <source>Sound</source>
        <translation>Ton</translation>
    </message>
    <message>
        <source>The file's own sound; of a camera, what the microphone hears. Voices are not changed: also where faces are blurred, people may be known by them</source>
        <translation>Der Ton der Datei; bei einer Kamera, was das Mikrofon hört. Stimmen bleiben unverändert: Auch wo Gesichter unkenntlich sind, können Menschen an ihnen erkannt werden</translation>
    </message>
    <message>
        <source>Ask who is recorded</source>
        <translation>Fragen, wer aufgenommen wird</translation>
    </message>
    <message>
        <source>A sheet before each recording: participant, session, condition, notes, consent</source>
        <translation>Ein Blatt vor jeder Aufnahme: Teilnehmer, Sitzung, Bedingung, Notizen, Einwilligung</translation>
    </message>
    <message>
        <source> min</source>
        <translation> min</translation>
    </message>
    <message>
        <source>no limit</source>
        <translation>unbegrenzt</translation>
    </message>
    <message>
        <source>Stop after, minutes</source>
        <translation>Beenden nach, Minuten</translation>
    </message>
    <message>
        <source>Stop &amp;after</source>
        <translation>Beenden &amp;nach</translation>
    </message>
    <message>
        <source>Folder of the recordings</source>
        <translation>Ordner der Aufnahmen</translation>
    </message>
    <message>
        <source>Folder…</source>
        <translation>Ordner…</translation>
    </message>
    <message>
        <source>Choose the folder of the recordings</source>
        <translation>Ordner der Aufnahmen wählen</translation>
    </message>
    <message>
        <source>Free space</source>
        <translation>Freier Platz</translation>
    </message>
    <message>
        <source>Markers</source>
        <translation>Marken</translation>
    </message>
    <message>
        <source>another marker</source>
        <translation>andere Marke</translation>
    </message>
    <message>
        <source>Text of another marker</source>
        <translation>Text einer anderen Marke</translation>
    </message>
    <message>
        <source>Mark</source>
        <translation>Setzen</translation>
    </message>
    <message>
        <source>Set the marker {key}</source>
        <translation>Marke {key} setzen</translation>
    </message>
    <message>
        <source>Text of the marker {key}</source>
        <translation>Text der Marke {key}</translation>
    </message>
    <message>
        <source>{key} leads here</source>
        <translation>{key} führt hierher</translation>
    </message>
    <message>
        <source>{free} free</source>
        <translation>{free} frei</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Stopp</translation>
    </message>
    <message>
        <source>Record</source>
        <translation>Aufnehmen</translation>
    </message>
    <message>
        <source>not recording</source>
        <translation>keine Aufnahme</translation>
    </message>
    <message>
        <source>choose video or records</source>
        <translation>Video oder Daten wählen</translation>
    </message>
    <message>
        <source>finishing the files …</source>
        <translation>Dateien werden fertig …</translation>
    </message>
    <message>
        <source>paused, markers: {n}</source>
        <translation>angehalten, Marker: {n}</translation>
    </message>
    <message>
        <source>waiting: the file is paused, markers: {n}</source>
        <translation>wartet: Datei ist angehalten, Marker: {n}</translation>
    </message>
    <message>
        <source>recording part {part}, markers: {n}</source>
        <translation>Aufnahme, Teil {part}, Marken: {n}</translation>
    </message>
    <message>
        <source>recording, markers: {n}</source>
        <translation>Aufnahme läuft, Marken: {n}</translation>
    </message>
    <message>
        <source>Too slow: {missed} of {seen} frames not analysed, {dropped} not in the video.</source>
        <translation>Zu langsam: {missed} von {seen} Bildern nicht analysiert, {dropped} nicht im Video.</translation>
    </message>
</context><context>
    <name>RegionPicker</name>
    <message>
        <source>Choose a part of the screen</source>
        <translation>Ausschnitt des Bildschirms wählen</translation>
    </message>
    <message>
        <source>{0} by {1} pixels at {2}, {3}</source>
        <translation>{0} mal {1} Pixel bei {2}, {3}</translation>
    </message>
    <message>
        <source>Enter: take it, Escape: give up, arrow keys: move, Shift: size</source>
        <translation>Eingabe: nehmen, Esc: abbrechen, Pfeiltasten: verschieben, Umschalt: Größe</translation>
    </message>
</context><context>
    <name>ReportDialog</name>
    <message>
        <source>Report a problem</source>
        <translation>Problem melden</translation>
    </message>
    <message>
        <source>Nothing is sent. Copy this text into your report, with what you did and what happened. It may hold names of your files: read it first, and delete what is nobody's business.</source>
        <translation>Nichts wird gesendet. Kopieren Sie diesen Text in Ihre Meldung, mit dem, was Sie taten und was geschah. Er kann Namen Ihrer Dateien enthalten: Lesen Sie ihn zuerst und löschen Sie, was niemanden angeht.</translation>
    </message>
    <message>
        <source>Text of the report</source>
        <translation>Text der Meldung</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
</context><context>
    <name>ReviewFaces</name>
    <message>
        <source>Merge track into</source>
        <translation>Spur verbinden mit</translation>
    </message>
    <message>
        <source>{who}: {label}, corrected</source>
        <translation>{who}: {label}, korrigiert</translation>
    </message>
    <message>
        <source>{one} left at {left} and {other} came at {came} at the same place: one person?</source>
        <translation>{one} ging bei {left} und {other} kam bei {came} am selben Ort: eine Person?</translation>
    </message>
    <message>
        <source>({n} more)</source>
        <translation>({n} weitere)</translation>
    </message>
    <message>
        <source>One person</source>
        <translation>Eine Person</translation>
    </message>
    <message>
        <source>Two people</source>
        <translation>Zwei Personen</translation>
    </message>
    <message>
        <source>Look</source>
        <translation>Ansehen</translation>
    </message>
    <message>
        <source>{who}: both seen at {time}</source>
        <translation>{who}: beide zu sehen bei {time}</translation>
    </message>
</context><context>
    <name>ReviewFiles</name>
    <message>
        <source>Open a recording's folder</source>
        <translation>Ordner einer Aufnahme öffnen</translation>
    </message>
    <message>
        <source>Records</source>
        <translation>Daten</translation>
    </message>
    <message>
        <source>Open records</source>
        <translation>Daten öffnen</translation>
    </message>
    <message>
        <source>Videos</source>
        <translation>Videos</translation>
    </message>
    <message>
        <source>Choose a video</source>
        <translation>Video wählen</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
    <message>
        <source>{name} is there already. Replace it?</source>
        <translation>{name} gibt es schon. Ersetzen?</translation>
    </message>
    <message>
        <source>Replace it</source>
        <translation>Ersetzen</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>Behalten</translation>
    </message>
</context><context>
    <name>ReviewMarkers</name>
    <message>
        <source>Text</source>
        <translation>Text</translation>
    </message>
    <message>
        <source>A marker at the cursor</source>
        <translation>Eine Marke am Cursor</translation>
    </message>
    <message>
        <source>The marker at the cursor</source>
        <translation>Die Marke am Cursor</translation>
    </message>
</context><context>
    <name>ReviewWindow</name>
    <message>
        <source>Label of the span</source>
        <translation>Angabe für den Abschnitt</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>&amp;Correct</source>
        <translation>&amp;Korrigieren</translation>
    </message>
    <message>
        <source>&amp;Go</source>
        <translation>&amp;Gehe zu</translation>
    </message>
    <message>
        <source>&amp;Export</source>
        <translation>&amp;Exportieren</translation>
    </message>
    <message>
        <source>Review</source>
        <translation>Durchsicht</translation>
    </message>
    <message>
        <source>no video; File, Choose video…</source>
        <translation>kein Video; Datei, Video wählen…</translation>
    </message>
    <message>
        <source>Faces at the cursor</source>
        <translation>Gesichter am Cursor</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>Meldung</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Abspielen</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>opening {name} …</source>
        <translation>{name} wird geöffnet …</translation>
    </message>
    <message>
        <source>Review: {name}</source>
        <translation>Durchsicht: {name}</translation>
    </message>
    <message>
        <source>writing {name} …</source>
        <translation>{name} wird geschrieben …</translation>
    </message>
    <message>
        <source>saved: {name}</source>
        <translation>gespeichert: {name}</translation>
    </message>
    <message>
        <source>marker: {text}</source>
        <translation>Marke: {text}</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Attention: {message}</source>
        <translation>Achtung: {message}</translation>
    </message>
</context><context>
    <name>Reviews</name>
    <message>
        <source>Open a recording</source>
        <translation>Aufnahme öffnen</translation>
    </message>
</context><context>
    <name>SessionBar</name>
    <message>
        <source>Session</source>
        <translation>Sitzung</translation>
    </message>
    <message>
        <source>Time of the recording</source>
        <translation>Zeit der Aufnahme</translation>
    </message>
    <message>
        <source>State of the recording</source>
        <translation>Stand der Aufnahme</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>Quelle</translation>
    </message>
    <message>
        <source>Source: {name}</source>
        <translation>Quelle: {name}</translation>
    </message>
</context><context>
    <name>SessionWatch</name>
    <message>
        <source>The last recording was not finished; what was written is there: {name}</source>
        <translation>Die letzte Aufnahme wurde nicht beendet; was geschrieben war, ist da: {name}</translation>
    </message>
    <message>
        <source>Review</source>
        <translation>Durchsicht</translation>
    </message>
    <message>
        <source>The recording waits for the file, which is paused</source>
        <translation>Die Aufnahme wartet auf die Datei, die angehalten ist</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Abspielen</translation>
    </message>
    <message>
        <source>{message} in {root}</source>
        <translation>{message} in {root}</translation>
    </message>
    <message>
        <source>Stop &amp;recording</source>
        <translation>S&amp;topp</translation>
    </message>
    <message>
        <source>&amp;Record</source>
        <translation>&amp;Aufnehmen</translation>
    </message>
    <message>
        <source>Go on &amp;recording</source>
        <translation>Aufnahme &amp;fortsetzen</translation>
    </message>
    <message>
        <source>&amp;Pause recording</source>
        <translation>Aufnahme an&amp;halten</translation>
    </message>
    <message>
        <source>Mark: {text}</source>
        <translation>Marke: {text}</translation>
    </message>
    <message>
        <source>Begin: {text}</source>
        <translation>Beginn: {text}</translation>
    </message>
    <message>
        <source>End: {text}</source>
        <translation>Ende: {text}</translation>
    </message>
    <message>
        <source>choose video or records</source>
        <translation>Video oder Daten wählen</translation>
    </message>
    <message>
        <source>ready to record</source>
        <translation>bereit zur Aufnahme</translation>
    </message>
    <message>
        <source>no source</source>
        <translation>keine Quelle</translation>
    </message>
    <message>
        <source>finishing the files …</source>
        <translation>Dateien werden fertig …</translation>
    </message>
    <message>
        <source>finishing …</source>
        <translation>schließt ab …</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>angehalten</translation>
    </message>
    <message>
        <source>waiting: the file is paused</source>
        <translation>wartet: Datei ist angehalten</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>wartet</translation>
    </message>
    <message>
        <source>recording</source>
        <translation>Aufnahme läuft</translation>
    </message>
    <message>
        <source>recording every frame, {n} %</source>
        <translation>jedes Bild wird aufgenommen, {n} %</translation>
    </message>
    <message>
        <source>at {n} %</source>
        <translation>bei {n} %</translation>
    </message>
    <message>
        <source>markers: {n}</source>
        <translation>Marken: {n}</translation>
    </message>
    <message>
        <source>part {n}</source>
        <translation>Teil {n}</translation>
    </message>
    <message>
        <source>; all of a picture that may hold one nobody found</source>
        <translation>; ein ganzes Bild, in dem ein nicht gefundenes sein kann</translation>
    </message>
    <message>
        <source>Faces that are found are blurred on the screen, in video and snapshots</source>
        <translation>Gefundene Gesichter sind auf dem Bildschirm, in Video und Schnappschüssen unkenntlich</translation>
    </message>
    <message>
        <source>Faces blurred</source>
        <translation>Gesichter unkenntlich</translation>
    </message>
    <message>
        <source>blurred</source>
        <translation>unkenntlich</translation>
    </message>
    <message>
        <source>{share:.0f} % analysed</source>
        <translation>{share:.0f} % analysiert</translation>
    </message>
    <message>
        <source>Frames not analysed, which have no rows: {n} of {all}</source>
        <translation>Bilder ohne Analyse, die keine Zeilen haben: {n} von {all}</translation>
    </message>
    <message>
        <source>{n} not in the video</source>
        <translation>{n} nicht im Video</translation>
    </message>
    <message>
        <source>Encoding is too slow. Frames with rows and without a picture: {n}</source>
        <translation>Das Kodieren ist zu langsam. Bilder mit Zeilen, die im Video fehlen: {n}</translation>
    </message>
    <message>
        <source>folder: no access</source>
        <translation>Ordner: kein Zugriff</translation>
    </message>
    <message>
        <source>folder!</source>
        <translation>Ordner!</translation>
    </message>
    <message>
        <source>{free} free</source>
        <translation>{free} frei</translation>
    </message>
</context><context>
    <name>SettingsControl</name>
    <message>
        <source>The settings cannot be kept</source>
        <translation>Die Einstellungen lassen sich nicht speichern</translation>
    </message>
    <message>
        <source>The settings cannot be kept: {why}</source>
        <translation>Die Einstellungen lassen sich nicht speichern: {why}</translation>
    </message>
    <message>
        <source>Stop the recording to change what is analysed or recorded.</source>
        <translation>Beenden Sie die Aufnahme, um zu ändern, was analysiert oder aufgenommen wird.</translation>
    </message>
</context><context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Groups of settings</source>
        <translation>Gruppen der Einstellungen</translation>
    </message>
    <message>
        <source>A recording runs: analysis and recording can be changed after it.</source>
        <translation>Eine Aufnahme läuft: Analyse und Aufnahme lassen sich danach ändern.</translation>
    </message>
    <message>
        <source>Analysis</source>
        <translation>Analyse</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>A model of this program, or the path of an .onnx or .fer file</source>
        <translation>Ein Modell dieses Programms oder der Pfad einer .onnx- oder .fer-Datei</translation>
    </message>
    <message>
        <source>fastest that is here</source>
        <translation>das schnellste hier</translation>
    </message>
    <message>
        <source>processor</source>
        <translation>Prozessor</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>What the networks run on</source>
        <translation>Worauf die Netze rechnen</translation>
    </message>
    <message>
        <source>not available here</source>
        <translation>hier nicht verfügbar</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>Rechengenauigkeit</translation>
    </message>
    <message>
        <source>int8 is faster on newer processors, at the same accuracy</source>
        <translation>int8 ist auf neueren Prozessoren schneller, bei gleicher Genauigkeit</translation>
    </message>
    <message>
        <source>what is faster here</source>
        <translation>was hier schneller ist</translation>
    </message>
    <message>
        <source>Look for new faces every</source>
        <translation>Neue Gesichter suchen alle</translation>
    </message>
    <message>
        <source>Frames from one search to the next; faces are followed in between</source>
        <translation>Bilder von einer Suche zur nächsten; dazwischen werden Gesichter verfolgt</translation>
    </message>
    <message>
        <source> frames</source>
        <translation> Bilder</translation>
    </message>
    <message>
        <source>Most faces</source>
        <translation>Gesichter höchstens</translation>
    </message>
    <message>
        <source>Faces followed at once</source>
        <translation>Gesichter, die zugleich verfolgt werden</translation>
    </message>
    <message>
        <source>Smallest face</source>
        <translation>Kleinstes Gesicht</translation>
    </message>
    <message>
        <source>Shorter side of the box; smaller faces are left out</source>
        <translation>Kürzere Seite des Rahmens; kleinere Gesichter werden ausgelassen</translation>
    </message>
    <message>
        <source> px</source>
        <translation> px</translation>
    </message>
    <message>
        <source>Smoothing</source>
        <translation>Glättung</translation>
    </message>
    <message>
        <source>Time constant; 0 shows every frame by itself</source>
        <translation>Zeitkonstante; 0 zeigt jedes Bild für sich</translation>
    </message>
    <message>
        <source> s</source>
        <translation> s</translation>
    </message>
    <message>
        <source>Uncertain below</source>
        <translation>Unsicher unter</translation>
    </message>
    <message>
        <source>Labels with less reliability than this, 0 to 1, are called uncertain</source>
        <translation>Angaben mit geringerer Verlässlichkeit, 0 bis 1, heißen unsicher</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Ansicht</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <source>Of the window; files, columns and logs stay English</source>
        <translation>Des Fensters; Dateien, Spalten und Protokolle bleiben englisch</translation>
    </message>
    <message>
        <source>as the system</source>
        <translation>wie das System</translation>
    </message>
    <message>
        <source>Another language holds once the program is started again.</source>
        <translation>Eine andere Sprache gilt nach einem Neustart des Programms.</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>Farbschema</translation>
    </message>
    <message>
        <source>Colours of the window</source>
        <translation>Farben des Fensters</translation>
    </message>
    <message>
        <source>as the desktop</source>
        <translation>wie der Desktop</translation>
    </message>
    <message>
        <source>light</source>
        <translation>hell</translation>
    </message>
    <message>
        <source>dark</source>
        <translation>dunkel</translation>
    </message>
    <message>
        <source>Size of text</source>
        <translation>Textgröße</translation>
    </message>
    <message>
        <source>Percent of the desktop's own; larger on screens with many small pixels</source>
        <translation>Prozent der des Desktops; größer auf Bildschirmen mit vielen kleinen Pixeln</translation>
    </message>
    <message>
        <source> %</source>
        <translation> %</translation>
    </message>
    <message>
        <source>Show cameras as a mirror does</source>
        <translation>Kameras wie ein Spiegel zeigen</translation>
    </message>
    <message>
        <source>Draw the 68 landmarks</source>
        <translation>Die 68 Landmarken zeichnen</translation>
    </message>
    <message>
        <source>Draw where heads point</source>
        <translation>Zeichnen, wohin Köpfe zeigen</translation>
    </message>
    <message>
        <source>Recording</source>
        <translation>Aufnahme</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Every recording becomes a folder in this one</source>
        <translation>Jede Aufnahme wird ein Ordner in diesem</translation>
    </message>
    <message>
        <source>Folder of recordings</source>
        <translation>Ordner der Aufnahmen</translation>
    </message>
    <message>
        <source>Draw strip of valence and class bars into videos</source>
        <translation>Valenzstreifen und Klassenbalken in Videos zeichnen</translation>
    </message>
    <message>
        <source>Blur faces</source>
        <translation>Gesichter unkenntlich machen</translation>
    </message>
    <message>
        <source>Whole picture when unsure</source>
        <translation>Im Zweifel das ganze Bild</translation>
    </message>
    <message>
        <source>Other files after</source>
        <translation>Neue Dateien nach</translation>
    </message>
    <message>
        <source>A recording that lasts longer goes on in other files; review joins them</source>
        <translation>Eine längere Aufnahme geht in neuen Dateien weiter; die Durchsicht fügt sie zusammen</translation>
    </message>
    <message>
        <source> min</source>
        <translation> min</translation>
    </message>
    <message>
        <source>Or once larger than</source>
        <translation>Oder sobald größer als</translation>
    </message>
    <message>
        <source>So does one whose video is larger; sticks and cards with FAT32 take 4 GB</source>
        <translation>Ebenso eine mit größerem Video; Sticks und Karten mit FAT32 nehmen 4 GB</translation>
    </message>
    <message>
        <source> GB</source>
        <translation> GB</translation>
    </message>
    <message>
        <source>Nothing is recorded until you press Record. Rows of numbers are never blurred: they hold what was read, not pictures.</source>
        <translation>Nichts wird aufgenommen, bis Sie Aufnehmen drücken. Zeilen mit Zahlen werden nie unkenntlich: Sie enthalten, was gelesen wurde, keine Bilder.</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>Ausgaben</translation>
    </message>
    <message>
        <source>Outputs send numbers, never pictures, to other programs. All are off unless you turn them on; 127.0.0.1 is this machine.</source>
        <translation>Ausgaben senden Zahlen, nie Bilder, an andere Programme. Alle sind aus, bis Sie sie einschalten; 127.0.0.1 ist dieser Rechner.</translation>
    </message>
    <message>
        <source>Send OSC messages</source>
        <translation>OSC-Nachrichten senden</translation>
    </message>
    <message>
        <source>Send JSON in UDP packets</source>
        <translation>JSON in UDP-Paketen senden</translation>
    </message>
    <message>
        <source>{0} host</source>
        <translation>{0}-Rechner</translation>
    </message>
    <message>
        <source>{0} port</source>
        <translation>{0}-Port</translation>
    </message>
    <message>
        <source>Offer a Lab Streaming Layer stream</source>
        <translation>Einen Stream über Lab Streaming Layer anbieten</translation>
    </message>
    <message>
        <source>LSL stream name</source>
        <translation>Name des LSL-Streams</translation>
    </message>
    <message>
        <source>Announce it on the local network too</source>
        <translation>Auch im lokalen Netz ankündigen</translation>
    </message>
    <message>
        <source>Else the stream is announced on this machine only. The first choice counts until the program is closed.</source>
        <translation>Sonst wird der Stream nur auf diesem Rechner angekündigt. Die erste Wahl gilt, bis das Programm geschlossen wird.</translation>
    </message>
    <message>
        <source>Markers</source>
        <translation>Marken</translation>
    </message>
    <message>
        <source>Texts that experiment software sends become markers of the recording that runs. Off unless you turn it on; 127.0.0.1 hears this machine alone, 0.0.0.0 every machine that reaches this one.</source>
        <translation>Texte, die Experimentalsoftware sendet, werden Marken der laufenden Aufnahme. Aus, bis Sie es einschalten; 127.0.0.1 hört nur diesen Rechner, 0.0.0.0 jeden, der diesen erreicht.</translation>
    </message>
    <message>
        <source>Hear markers by UDP</source>
        <translation>Marken über UDP empfangen</translation>
    </message>
    <message>
        <source>Listen at</source>
        <translation>Empfangen an</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <source>Hear markers of a Lab Streaming Layer stream</source>
        <translation>Marken eines Lab-Streaming-Layer-Streams empfangen</translation>
    </message>
    <message>
        <source>Name of the stream</source>
        <translation>Name des Streams</translation>
    </message>
    <message>
        <source>It is looked for on this machine, and on the local network where that is ticked for the outputs' own stream.</source>
        <translation>Gesucht wird er auf diesem Rechner, und im lokalen Netz, wenn das für den Stream der Ausgaben angehakt ist.</translation>
    </message>
    <message>
        <source>Models (*.onnx *.fer)</source>
        <translation>Modelle (*.onnx *.fer)</translation>
    </message>
    <message>
        <source>{0} (!)</source>
        <translation>{0} (!)</translation>
    </message>
</context><context>
    <name>ShortcutsDialog</name>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>Up, Down</source>
        <translation>Hoch, Runter</translation>
    </message>
    <message>
        <source>In the picture: the face before, the next</source>
        <translation>Im Bild: das vorige Gesicht, das nächste</translation>
    </message>
    <message>
        <source>Tab</source>
        <translation>Tab</translation>
    </message>
    <message>
        <source>To the next button, field or plot</source>
        <translation>Zum nächsten Knopf, Feld oder Diagramm</translation>
    </message>
    <message>
        <source>+, −, Home</source>
        <translation>+, −, Pos1</translation>
    </message>
    <message>
        <source>In the plot: less time, more, back to now</source>
        <translation>Im Diagramm: weniger Zeit, mehr, zurück zu jetzt</translation>
    </message>
    <message>
        <source>Alt with a letter</source>
        <translation>Alt mit einem Buchstaben</translation>
    </message>
    <message>
        <source>A menu</source>
        <translation>Ein Menü</translation>
    </message>
    <message>
        <source>Keys can be changed in the settings.</source>
        <translation>Tasten lassen sich in den Einstellungen ändern.</translation>
    </message>
</context><context>
    <name>SourceControl</name>
    <message>
        <source>ended</source>
        <translation>zu Ende</translation>
    </message>
    <message>
        <source>open {name}</source>
        <translation>{name} zu öffnen</translation>
    </message>
    <message>
        <source>close the source</source>
        <translation>die Quelle zu schließen</translation>
    </message>
    <message>
        <source>Opening {name} …</source>
        <translation>{name} wird geöffnet …</translation>
    </message>
    <message>
        <source>{name}: {width}x{height}</source>
        <translation>{name}: {width}x{height}</translation>
    </message>
    <message>
        <source>{name}: {width}x{height}, {rate:.4g} fps</source>
        <translation>{name}: {width}x{height}, {rate:.4g} Bilder/s</translation>
    </message>
    <message>
        <source>loading the networks …</source>
        <translation>Netze werden geladen …</translation>
    </message>
    <message>
        <source>Choose another</source>
        <translation>Andere wählen</translation>
    </message>
    <message>
        <source>Waiting for it to come back …</source>
        <translation>Warten auf Rückkehr …</translation>
    </message>
    <message>
        <source>Stop waiting</source>
        <translation>Nicht warten</translation>
    </message>
    <message>
        <source>Waiting for {name}</source>
        <translation>Warten auf {name}</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>Erneut versuchen</translation>
    </message>
</context><context>
    <name>SourceMenu</name>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>No camera found</source>
        <translation>Keine Kamera gefunden</translation>
    </message>
    <message>
        <source>Open r&amp;ecent</source>
        <translation>Z&amp;uletzt geöffnet</translation>
    </message>
    <message>
        <source>Camera &amp;resolution and rate</source>
        <translation>Auflösung und Bildrate der &amp;Kamera</translation>
    </message>
    <message>
        <source>Size: its own</source>
        <translation>Größe: die eigene</translation>
    </message>
    <message>
        <source>Rate: its own</source>
        <translation>Rate: die eigene</translation>
    </message>
    <message>
        <source>{rate:g} fps</source>
        <translation>{rate:g} Bilder/s</translation>
    </message>
    <message>
        <source>Open a video or picture</source>
        <translation>Video oder Bild öffnen</translation>
    </message>
    <message>
        <source>Videos and pictures</source>
        <translation>Videos und Bilder</translation>
    </message>
    <message>
        <source>All files</source>
        <translation>Alle Dateien</translation>
    </message>
    <message>
        <source>Open a folder of pictures</source>
        <translation>Bilderordner öffnen</translation>
    </message>
    <message>
        <source>Open a network stream</source>
        <translation>Netzwerkstream öffnen</translation>
    </message>
    <message>
        <source>Address, such as rtsp://…</source>
        <translation>Adresse, etwa rtsp://…</translation>
    </message>
</context><context>
    <name>SpeedRow</name>
    <message>
        <source>Stop</source>
        <translation>Stopp</translation>
    </message>
    <message>
        <source>Measure speed</source>
        <translation>Tempo messen</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>Abgebrochen.</translation>
    </message>
    <message>
        <source>Measuring…</source>
        <translation>Messung läuft…</translation>
    </message>
    <message>
        <source>{0}: the networks alone do {1:.0f} frames a second with one face (detector {2:.1f} ms, landmarks {3:.1f} ms, expression {4:.1f} ms); camera, window and video come on top</source>
        <translation>{0}: Die Netze allein schaffen {1:.0f} Bilder je Sekunde mit einem Gesicht (Detektor {2:.1f} ms, Landmarken {3:.1f} ms, Ausdruck {4:.1f} ms); Kamera, Fenster und Video kommen dazu</translation>
    </message>
</context><context>
    <name>StatisticsModel</name>
    <message>
        <source>face</source>
        <translation>Gesicht</translation>
    </message>
    <message>
        <source>seen</source>
        <translation>gesehen</translation>
    </message>
    <message>
        <source>valence</source>
        <translation>Valenz</translation>
    </message>
    <message>
        <source>arousal</source>
        <translation>Erregung</translation>
    </message>
    <message>
        <source>Share of the time seen in which this class was the most probable</source>
        <translation>Anteil der gesehenen Zeit, in der diese Klasse die wahrscheinlichste war</translation>
    </message>
    <message>
        <source>Number of the face, as in the video, or its name</source>
        <translation>Nummer des Gesichts wie im Video, oder sein Name</translation>
    </message>
    <message>
        <source>Time the face was seen</source>
        <translation>Zeit, in der das Gesicht gesehen wurde</translation>
    </message>
    <message>
        <source>Mean from −1, unpleasant, to +1, pleasant</source>
        <translation>Mittel von −1, unangenehm, bis +1, angenehm</translation>
    </message>
    <message>
        <source>Mean from −1, calm, to +1, excited</source>
        <translation>Mittel von −1, ruhig, bis +1, erregt</translation>
    </message>
</context><context>
    <name>StatisticsPanel</name>
    <message>
        <source>Session statistics</source>
        <translation>Statistik der Sitzung</translation>
    </message>
    <message>
        <source>Faces are listed here once they were seen.</source>
        <translation>Gesichter stehen hier, sobald sie gesehen wurden.</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Copy the table for a spreadsheet (Ctrl+C)</source>
        <translation>Tabelle für eine Tabellenkalkulation kopieren (Strg+C)</translation>
    </message>
    <message>
        <source>Save CSV…</source>
        <translation>CSV speichern…</translation>
    </message>
    <message>
        <source>Statistics of each face</source>
        <translation>Statistik jedes Gesichts</translation>
    </message>
    <message>
        <source>Enter on a row selects the face</source>
        <translation>Die Eingabetaste auf einer Zeile wählt das Gesicht</translation>
    </message>
    <message>
        <source>{0} faces; {1} that were seen for the shortest time are left out.</source>
        <translation>{0} Gesichter; {1}, die am kürzesten gesehen wurden, sind ausgelassen.</translation>
    </message>
    <message>
        <source>Save statistics</source>
        <translation>Statistik speichern</translation>
    </message>
</context><context>
    <name>Timelines</name>
    <message>
        <source>Timelines</source>
        <translation>Zeitleisten</translation>
    </message>
    <message>
        <source>valence</source>
        <translation>Valenz</translation>
    </message>
    <message>
        <source>arousal</source>
        <translation>Erregung</translation>
    </message>
</context><context>
    <name>TrackModel</name>
    <message>
        <source>face</source>
        <translation>Gesicht</translation>
    </message>
    <message>
        <source>seen</source>
        <translation>gesehen</translation>
    </message>
    <message>
        <source>most</source>
        <translation>meist</translation>
    </message>
    <message>
        <source>valence</source>
        <translation>Valenz</translation>
    </message>
    <message>
        <source>arousal</source>
        <translation>Erregung</translation>
    </message>
    <message>
        <source>corrected</source>
        <translation>korrigiert</translation>
    </message>
    <message>
        <source>{0:.1f} s</source>
        <translation>{0:.1f} s</translation>
    </message>
</context><context>
    <name>TracksPanel</name>
    <message>
        <source>Tracks</source>
        <translation>Spuren</translation>
    </message>
    <message>
        <source>New label</source>
        <translation>Neue Angabe</translation>
    </message>
    <message>
        <source>Set label</source>
        <translation>Angabe setzen</translation>
    </message>
    <message>
        <source>Delete track</source>
        <translation>Spur löschen</translation>
    </message>
    <message>
        <source>Merge into</source>
        <translation>Verbinden mit</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>none; click a band</source>
        <translation>keiner; klicken Sie auf einen Balken</translation>
    </message>
    <message>
        <source>{0:.2f} s to {1:.2f} s</source>
        <translation>{0:.2f} s bis {1:.2f} s</translation>
    </message>
    <message>
        <source>Span: {span}</source>
        <translation>Abschnitt: {span}</translation>
    </message>
</context><context>
    <name>Transport</name>
    <message>
        <source>Play or pause</source>
        <translation>Abspielen oder anhalten</translation>
    </message>
    <message>
        <source>One frame back</source>
        <translation>Ein Bild zurück</translation>
    </message>
    <message>
        <source>Next frame</source>
        <translation>Nächstes Bild</translation>
    </message>
    <message>
        <source>Place in the file</source>
        <translation>Stelle in der Datei</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>Frame</source>
        <translation>Bildnummer</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>Geschwindigkeit</translation>
    </message>
    <message>
        <source>frame {n}</source>
        <translation>Bild {n}</translation>
    </message>
    <message>
        <source>≈ frame {n}</source>
        <translation>≈ Bild {n}</translation>
    </message>
    <message>
        <source>Told from the time: the frames before were not all read yet</source>
        <translation>Aus der Zeit berechnet: Die Bilder davor wurden noch nicht alle gelesen</translation>
    </message>
</context><context>
    <name>VideoView</name>
    <message>
        <source>Video</source>
        <translation>Video</translation>
    </message>
    <message numerus="yes">
        <source>%n face(s)</source>
        <translation>
            <numerusform>%n Gesicht</numerusform>
            <numerusform>%n Gesichter</numerusform>
        </translation>
    </message>
</context><context>
    <name>_Chip</name>
    <message>
        <source>Face {0}</source>
        <translation>Gesicht {0}</translation>
    </message>
</context><context>
    <name>_LineKey</name>
    <message>
        <source>valence</source>
        <translation>Valenz</translation>
    </message>
    <message>
        <source>arousal</source>
        <translation>Erregung</translation>
    </message>
    <message>
        <source>Solid line: valence. Dashed line: arousal.</source>
        <translation>Durchgezogene Linie: Valenz. Gestrichelte Linie: Erregung.</translation>
    </message>
</context><context>
    <name>classes</name>
    <message>
        <source>neutral</source>
        <translation>neutral</translation>
    </message>
    <message>
        <source>happiness</source>
        <translation>Freude</translation>
    </message>
    <message>
        <source>surprise</source>
        <translation>Überraschung</translation>
    </message>
    <message>
        <source>sadness</source>
        <translation>Trauer</translation>
    </message>
    <message>
        <source>anger</source>
        <translation>Ärger</translation>
    </message>
    <message>
        <source>disgust</source>
        <translation>Ekel</translation>
    </message>
    <message>
        <source>fear</source>
        <translation>Angst</translation>
    </message>
    <message>
        <source>contempt</source>
        <translation>Verachtung</translation>
    </message>
</context><context>
    <name>colours</name>
    <message>
        <source>sky blue</source>
        <translation>Himmelblau</translation>
    </message>
    <message>
        <source>orange</source>
        <translation>Orange</translation>
    </message>
    <message>
        <source>green</source>
        <translation>Grün</translation>
    </message>
    <message>
        <source>purple</source>
        <translation>Violett</translation>
    </message>
    <message>
        <source>yellow</source>
        <translation>Gelb</translation>
    </message>
    <message>
        <source>vermillion</source>
        <translation>Zinnoberrot</translation>
    </message>
    <message>
        <source>blue</source>
        <translation>Blau</translation>
    </message>
    <message>
        <source>black or white</source>
        <translation>Schwarz oder Weiß</translation>
    </message>
</context><context>
    <name>elsewhere</name>
    <message>
        <source>{count:,.1f} GB</source>
        <translation>{count:,.1f} GB</translation>
    </message>
    <message>
        <source>{count:,.0f} MB</source>
        <translation>{count:,.0f} MB</translation>
    </message>
    <message>
        <source>{start_s:.2f} to {end_s:.2f} s</source>
        <translation>{start_s:.2f} bis {end_s:.2f} s</translation>
    </message>
    <message>
        <source>{why}; {saved}</source>
        <translation>{why}; {saved}</translation>
    </message>
    <message>
        <source>Camera {number}</source>
        <translation>Kamera {number}</translation>
    </message>
    <message>
        <source>delete face {face}</source>
        <translation>Gesicht {face} löschen</translation>
    </message>
    <message>
        <source>delete face {face}, {span}</source>
        <translation>Gesicht {face} löschen, {span}</translation>
    </message>
    <message>
        <source>delete the marker {text} at {time_s:.2f} s</source>
        <translation>Marke {text} bei {time_s:.2f} s löschen</translation>
    </message>
    <message>
        <source>face {face}: {name}, {colour}</source>
        <translation>Gesicht {face}: {name}, {colour}</translation>
    </message>
    <message>
        <source>faces {other} and {face} are two people</source>
        <translation>Gesichter {other} und {face} sind zwei Personen</translation>
    </message>
    <message>
        <source>its own colour</source>
        <translation>eigene Farbe</translation>
    </message>
    <message>
        <source>label face {face} {label}, {span}</source>
        <translation>Gesicht {face}: {label}, {span}</translation>
    </message>
    <message>
        <source>marker {text} at {time_s:.2f} s</source>
        <translation>Marke {text} bei {time_s:.2f} s</translation>
    </message>
    <message>
        <source>marker {text}, {span}</source>
        <translation>Marke {text}, {span}</translation>
    </message>
    <message>
        <source>merge face {face} into {into}</source>
        <translation>Gesicht {face} mit {into} verbinden</translation>
    </message>
    <message>
        <source>no name</source>
        <translation>kein Name</translation>
    </message>
    <message>
        <source>nothing was recorded: {why}</source>
        <translation>nichts wurde aufgenommen: {why}</translation>
    </message>
    <message>
        <source>saved: {name}</source>
        <translation>gespeichert: {name}</translation>
    </message>
    <message>
        <source>saved: {name}; all of it is blurred: what came after it was not seen</source>
        <translation>gespeichert: {name}; ganz unkenntlich: Was danach kam, wurde nicht gesehen</translation>
    </message>
    <message>
        <source>split face {face} at {time_s:.2f} s: face {other} from there on</source>
        <translation>Gesicht {face} bei {time_s:.2f} s geteilt: von da an Gesicht {other}</translation>
    </message>
    <message>
        <source>stopped after {limit:g} s, as asked</source>
        <translation>nach {limit:g} s beendet, wie gewünscht</translation>
    </message>
    <message>
        <source>stopped at the end of the file</source>
        <translation>am Ende der Datei beendet</translation>
    </message>
    <message>
        <source>stopped before the first frame</source>
        <translation>vor dem ersten Bild beendet</translation>
    </message>
    <message>
        <source>the snapshot waits for the next second, to see which faces are in it</source>
        <translation>der Schnappschuss wartet die nächste Sekunde ab, um zu sehen, welche Gesichter darin sind</translation>
    </message>
    <message>
        <source>there is no microphone: the video is recorded without sound</source>
        <translation>es gibt kein Mikrofon: das Video wird ohne Ton aufgenommen</translation>
    </message>
    <message>
        <source>choose a face and a span first</source>
        <translation>wählen Sie zuerst ein Gesicht und einen Abschnitt</translation>
    </message>
    <message>
        <source>choose a face first</source>
        <translation>wählen Sie zuerst ein Gesicht</translation>
    </message>
    <message>
        <source>choose a face that is seen before and after the cursor</source>
        <translation>erst ein Gesicht wählen, das vor und nach dem Cursor zu sehen ist</translation>
    </message>
    <message>
        <source>there is no marker</source>
        <translation>es gibt keine Marke</translation>
    </message>
    <message>
        <source>there is no marker before the cursor</source>
        <translation>vor dem Cursor gibt es keine Marke</translation>
    </message>
    <message>
        <source>no marker within half a second of the cursor</source>
        <translation>keine Marke im Umkreis einer halben Sekunde um den Cursor</translation>
    </message>
    <message>
        <source>done: {what}</source>
        <translation>erledigt: {what}</translation>
    </message>
    <message>
        <source>undone: {what}</source>
        <translation>zurückgenommen: {what}</translation>
    </message>
    <message>
        <source>done again: {what}</source>
        <translation>wiederholt: {what}</translation>
    </message>
    <message>
        <source>must be a key like F9, Space or Ctrl+Shift+R, got {key}</source>
        <translation>muss eine Taste wie F9, Leertaste oder Strg+Umschalt+R sein, nicht {key}</translation>
    </message>
    <message>
        <source>must be one key, not several in a row, got {key}</source>
        <translation>muss eine Taste sein, nicht mehrere nacheinander: {key}</translation>
    </message>
    <message>
        <source>{key} {why}; choose another</source>
        <translation>{key} {why}; wählen Sie eine andere</translation>
    </message>
    <message>
        <source>moves through fields and faces</source>
        <translation>bewegt durch Felder und Gesichter</translation>
    </message>
    <message>
        <source>opens a menu</source>
        <translation>öffnet ein Menü</translation>
    </message>
    <message>
        <source>{key} is the key of {other} too; change one</source>
        <translation>{key} ist auch die Taste von {other}; ändern Sie eine</translation>
    </message>
    <message>
        <source>not available here; choose {devices}</source>
        <translation>hier nicht verfügbar; wählen Sie {devices}</translation>
    </message>
    <message>
        <source>is the port of the {output} output too; choose another</source>
        <translation>ist auch der Port der {output}-Ausgabe; wählen Sie einen anderen</translation>
    </message>
    <message>
        <source>is the stream of this program's own markers; name another</source>
        <translation>ist der Stream der eigenen Marken dieses Programms; nennen Sie einen anderen</translation>
    </message>
    <message>
        <source>no machine has such a name or address; write 127.0.0.1 or lab-pc.local</source>
        <translation>kein Rechner hat so einen Namen oder so eine Adresse; schreiben Sie 127.0.0.1 oder labor-pc.local</translation>
    </message>
</context></TS>
