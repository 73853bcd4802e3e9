<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
 <context>
  <name>CVGL</name>
  <message>
   <source>50 % and 90 % regions</source>
   <translation>Gebiete mit 50 % und 90 %</translation>
  </message>
  <message>
   <source>A Python or virtual environment with cvgl, or a whole command such as ssh host cvgl worker. Left empty, it is found by itself once this was typed in a terminal:</source>
   <translation>Ein Python oder eine virtuelle Umgebung mit cvgl, oder ein ganzer Befehl wie ssh host cvgl worker. Leer gelassen wird es selbst gefunden, sobald dies in einem Terminal eingegeben wurde:</translation>
  </message>
  <message>
   <source>About this index</source>
   <translation>Über diesen Index</translation>
  </message>
  <message>
   <source>Algorithms need an engine on this computer; name its Python in the settings.</source>
   <translation>Algorithmen brauchen ein Rechenprogramm auf diesem Rechner; sein Python in den Einstellungen nennen.</translation>
  </message>
  <message>
   <source>All files</source>
   <translation>Alle Dateien</translation>
  </message>
  <message>
   <source>Ambiguous: weak evidence</source>
   <translation>Mehrdeutig: schwache Belege</translation>
  </message>
  <message>
   <source>Area</source>
   <translation>Gebiet</translation>
  </message>
  <message>
   <source>Asking the engine</source>
   <translation>Anfrage an das Rechenprogramm</translation>
  </message>
  <message>
   <source>Bars below the photo, and the ring on the tile: what each direction says for this place (blue) or against it (orange), in hundredths of the score. The dark marks are the mean of the other places.</source>
   <translation>Balken unter dem Foto und der Ring auf dem Quadrat: was jede Richtung für diesen Ort (blau) oder gegen ihn (orange) sagt, in Hundertsteln der Bewertung. Die dunklen Marken sind das Mittel der anderen Orte.</translation>
  </message>
  <message>
   <source>Basis and limits</source>
   <translation>Grundlage und Grenzen</translation>
  </message>
  <message>
   <source>Bounds</source>
   <translation>Grenzen</translation>
  </message>
  <message>
   <source>Build tile index</source>
   <translation>Kachelindex erstellen</translation>
  </message>
  <message>
   <source>CRS</source>
   <translation>KBS</translation>
  </message>
  <message>
   <source>CVGL: engine and settings</source>
   <translation>CVGL: Rechenprogramm und Einstellungen</translation>
  </message>
  <message>
   <source>CVGL: where photos were taken</source>
   <translation>CVGL: wo Fotos aufgenommen wurden</translation>
  </message>
  <message>
   <source>CVGL: where was this photo taken?</source>
   <translation>CVGL: Wo wurde dieses Foto aufgenommen?</translation>
  </message>
  <message>
   <source>CVGL_PYTHON names {}, which does not exist.</source>
   <translation>CVGL_PYTHON nennt {}, das es nicht gibt.</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Cancelled</source>
   <translation>Abgebrochen</translation>
  </message>
  <message>
   <source>Candidate #{rank}</source>
   <translation>Kandidat Nr. {rank}</translation>
  </message>
  <message>
   <source>Candidate tiles</source>
   <translation>Kandidaten-Kacheln</translation>
  </message>
  <message>
   <source>Candidates</source>
   <translation>Kandidaten</translation>
  </message>
  <message>
   <source>Candidates
Up and Down to step, A to accept, R to reject, N for a note</source>
   <translation>Kandidaten
Auf und Ab zum Blättern, A nimmt an, R verwirft, N für eine Notiz</translation>
  </message>
  <message>
   <source>Candidates to keep</source>
   <translation>Zu behaltende Kandidaten</translation>
  </message>
  <message>
   <source>Case</source>
   <translation>Fall</translation>
  </message>
  <message>
   <source>Case saved: {path}</source>
   <translation>Fall gespeichert: {path}</translation>
  </message>
  <message>
   <source>Chance of elsewhere: {outside}.</source>
   <translation>Anderswo: {outside}.</translation>
  </message>
  <message>
   <source>Check engine</source>
   <translation>Rechenprogramm prüfen</translation>
  </message>
  <message>
   <source>Checking...</source>
   <translation>Prüfen...</translation>
  </message>
  <message>
   <source>Choose a point layer, a field and a photo.</source>
   <translation>Einen Punktlayer, ein Feld und ein Foto wählen.</translation>
  </message>
  <message>
   <source>Choose an index (a .cvgl folder)</source>
   <translation>Einen Index wählen (ein Ordner .cvgl)</translation>
  </message>
  <message>
   <source>Choose an index to search</source>
   <translation>Einen Index zum Suchen wählen</translation>
  </message>
  <message>
   <source>Choose the field that holds the photos' paths.</source>
   <translation>Das Feld mit den Pfaden der Fotos wählen.</translation>
  </message>
  <message>
   <source>Chosen tile</source>
   <translation>Gewählte Kachel</translation>
  </message>
  <message>
   <source>Coarse places: side of the square in metres (empty: exact)</source>
   <translation>Ungenaue Orte: Seite des Quadrats in Metern (leer: genau)</translation>
  </message>
  <message>
   <source>Comparing with tiles</source>
   <translation>Mit Kacheln vergleichen</translation>
  </message>
  <message>
   <source>Confidence</source>
   <translation>Sicherheit</translation>
  </message>
  <message>
   <source>Copy diagnostics</source>
   <translation>Diagnose kopieren</translation>
  </message>
  <message>
   <source>Cuts orthophotos into overlapping ground squares, describes each, and keeps them in an index folder that photos can be looked up in. Where images overlap, the first wins. Imagery of 0.5 m per pixel or finer is wanted.

Run again on the same folder, it goes on where it was cancelled, or takes in what has changed.</source>
   <translation>Zerlegt Orthofotos in überlappende Quadrate, beschreibt jedes und bewahrt sie in einem Indexordner auf, in dem Fotos nachgeschlagen werden können. Wo Bilder sich überlappen, gilt das erste. Gebraucht werden Bilder mit 0,5 m pro Pixel oder feiner.

Erneut auf denselben Ordner angewandt, geht es nach einem Abbruch weiter oder nimmt Änderungen auf.</translation>
  </message>
  <message>
   <source>Describing the photo</source>
   <translation>Foto beschreiben</translation>
  </message>
  <message>
   <source>Done</source>
   <translation>Fertig</translation>
  </message>
  <message>
   <source>Drawing</source>
   <translation>Zeichnen</translation>
  </message>
  <message>
   <source>Drop a street photo here
or click to open one</source>
   <translation>Ein Straßenfoto hier ablegen
oder zum Öffnen klicken</translation>
  </message>
  <message>
   <source>E</source>
   <translation>O</translation>
  </message>
  <message>
   <source>EXIF GPS</source>
   <translation>EXIF-GPS</translation>
  </message>
  <message>
   <source>EXIF GPS present, not used</source>
   <translation>EXIF-GPS vorhanden, nicht verwendet</translation>
  </message>
  <message>
   <source>EXIF GPS used: {place}</source>
   <translation>EXIF-GPS verwendet: {place}</translation>
  </message>
  <message>
   <source>Engine</source>
   <translation>Rechenprogramm</translation>
  </message>
  <message>
   <source>Engine and settings...</source>
   <translation>Rechenprogramm und Einstellungen...</translation>
  </message>
  <message>
   <source>Engine at work</source>
   <translation>Rechenprogramm arbeitet</translation>
  </message>
  <message>
   <source>Engine not started</source>
   <translation>Rechenprogramm nicht gestartet</translation>
  </message>
  <message>
   <source>Engine ready, {}, offline</source>
   <translation>Rechenprogramm bereit, {}, ohne Netz</translation>
  </message>
  <message>
   <source>Estimate</source>
   <translation>Schätzung</translation>
  </message>
  <message>
   <source>Evidence</source>
   <translation>Belege</translation>
  </message>
  <message>
   <source>Export</source>
   <translation>Exportieren</translation>
  </message>
  <message>
   <source>Export findings</source>
   <translation>Befunde exportieren</translation>
  </message>
  <message>
   <source>Export the finding</source>
   <translation>Befund exportieren</translation>
  </message>
  <message>
   <source>False</source>
   <translation>Falsch</translation>
  </message>
  <message>
   <source>Field of the photos' paths</source>
   <translation>Feld mit den Pfaden der Fotos</translation>
  </message>
  <message>
   <source>Field of view</source>
   <translation>Bildwinkel</translation>
  </message>
  <message>
   <source>Field of view in degrees (empty: what the file says)</source>
   <translation>Bildwinkel in Grad (leer: laut Datei)</translation>
  </message>
  <message>
   <source>Field with the path</source>
   <translation>Feld mit dem Pfad</translation>
  </message>
  <message>
   <source>Finding</source>
   <translation>Befund</translation>
  </message>
  <message>
   <source>Finds where street photos were taken by matching them to the squares of an index. Give a folder of photos, or a layer with a field that holds their paths.

Every photo becomes a row: a point with verdict, probability, radii and heading, or, where the photo could not be used, a row without a place that says why. A folder for results also gets the GeoJSON, the heatmap and, if wanted, the report of each photo. Photos of one walk (at most 20, in the order they were taken) can be located together: what each shows counts for all.

An estimate is a lead, not proof.</source>
   <translation>Findet, wo Straßenfotos aufgenommen wurden, indem sie mit den Quadraten eines Index verglichen werden. Geben Sie einen Ordner mit Fotos an, oder einen Layer mit einem Feld, das ihre Pfade enthält.

Jedes Foto wird zu einer Zeile: ein Punkt mit Urteil, Wahrscheinlichkeit, Radien und Blickrichtung, oder, wo das Foto nicht brauchbar war, eine Zeile ohne Ort, die sagt, warum. Ein Ergebnisordner erhält auch GeoJSON, Heatmap und, falls gewünscht, den Bericht jedes Fotos. Fotos eines Weges (höchstens 20, in der Reihenfolge der Aufnahme) können gemeinsam verortet werden: was jedes zeigt, zählt für alle.

Eine Schätzung ist ein Hinweis, kein Beweis.</translation>
  </message>
  <message>
   <source>Folder</source>
   <translation>Ordner</translation>
  </message>
  <message>
   <source>Folder for GeoJSON, heatmaps and reports</source>
   <translation>Ordner für GeoJSON, Wahrscheinlichkeitskarten und Berichte</translation>
  </message>
  <message>
   <source>Folder of photos</source>
   <translation>Ordner mit Fotos</translation>
  </message>
  <message>
   <source>Folder of results</source>
   <translation>Ordner der Ergebnisse</translation>
  </message>
  <message>
   <source>Folder to export to</source>
   <translation>Zielordner</translation>
  </message>
  <message>
   <source>Formats</source>
   <translation>Formate</translation>
  </message>
  <message>
   <source>From layer...</source>
   <translation>Aus Layer...</translation>
  </message>
  <message>
   <source>GeoJSON...</source>
   <translation>GeoJSON...</translation>
  </message>
  <message>
   <source>Give a folder of photos or a layer of photos.</source>
   <translation>Einen Ordner oder einen Layer mit Fotos angeben.</translation>
  </message>
  <message>
   <source>Heading</source>
   <translation>Blickrichtung</translation>
  </message>
  <message>
   <source>Heading in degrees, or 'unknown' to search it (empty: what the file says)</source>
   <translation>Blickrichtung in Grad, oder 'unknown', um sie zu suchen (leer: laut Datei)</translation>
  </message>
  <message>
   <source>Heading of the middle of the photo</source>
   <translation>Blickrichtung der Bildmitte</translation>
  </message>
  <message>
   <source>Heading up</source>
   <translation>Blickrichtung oben</translation>
  </message>
  <message>
   <source>Help</source>
   <translation>Hilfe</translation>
  </message>
  <message>
   <source>Horizontal field of view of the photo</source>
   <translation>Waagerechter Bildwinkel des Fotos</translation>
  </message>
  <message>
   <source>How well headings are known: standard deviation in degrees (empty: exact)</source>
   <translation>Wie gut Blickrichtungen bekannt sind: Standardabweichung in Grad (leer: genau)</translation>
  </message>
  <message>
   <source>How well the heading is known: one standard deviation</source>
   <translation>Wie gut die Blickrichtung bekannt ist: eine Standardabweichung</translation>
  </message>
  <message>
   <source>Identity of the index</source>
   <translation>Kennung des Index</translation>
  </message>
  <message>
   <source>If it was moved, open it in its new place.</source>
   <translation>Wurde er verschoben, am neuen Ort öffnen.</translation>
  </message>
  <message>
   <source>Imagery</source>
   <translation>Bilder</translation>
  </message>
  <message>
   <source>Index</source>
   <translation>Index</translation>
  </message>
  <message>
   <source>Index folder (CITY.cvgl)</source>
   <translation>Indexordner (STADT.cvgl)</translation>
  </message>
  <message>
   <source>Known beforehand</source>
   <translation>Vorher bekannt</translation>
  </message>
  <message>
   <source>Layer</source>
   <translation>Layer</translation>
  </message>
  <message>
   <source>Likelihood</source>
   <translation>Wahrscheinlichkeit</translation>
  </message>
  <message>
   <source>Likelihood contours</source>
   <translation>Linien gleicher Wahrscheinlichkeit</translation>
  </message>
  <message>
   <source>Limits</source>
   <translation>Grenzen</translation>
  </message>
  <message>
   <source>Loading the engine...</source>
   <translation>Rechenprogramm wird geladen...</translation>
  </message>
  <message>
   <source>Locate</source>
   <translation>Verorten</translation>
  </message>
  <message>
   <source>Locate a street photo</source>
   <translation>Ein Straßenfoto verorten</translation>
  </message>
  <message>
   <source>Locate photos</source>
   <translation>Fotos verorten</translation>
  </message>
  <message>
   <source>Locate {photo}</source>
   <translation>{photo} verorten</translation>
  </message>
  <message>
   <source>Located: possible</source>
   <translation>Verortet: möglich</translation>
  </message>
  <message>
   <source>Located: strong evidence</source>
   <translation>Verortet: starke Belege</translation>
  </message>
  <message>
   <source>Map layers</source>
   <translation>Kartenlayer</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>Model: a name or a file of weights</source>
   <translation>Modell: ein Name oder eine Gewichtsdatei</translation>
  </message>
  <message>
   <source>N</source>
   <translation>N</translation>
  </message>
  <message>
   <source>NE</source>
   <translation>NO</translation>
  </message>
  <message>
   <source>NW</source>
   <translation>NW</translation>
  </message>
  <message>
   <source>No photo</source>
   <translation>Kein Foto</translation>
  </message>
  <message>
   <source>No preview</source>
   <translation>Keine Vorschau</translation>
  </message>
  <message>
   <source>No sign of life for {} s; wait, cancel or restart.</source>
   <translation>Seit {} s kein Lebenszeichen; warten, abbrechen oder neu starten.</translation>
  </message>
  <message>
   <source>Not in this area</source>
   <translation>Nicht in diesem Gebiet</translation>
  </message>
  <message>
   <source>Not judged yet</source>
   <translation>Noch nicht beurteilt</translation>
  </message>
  <message>
   <source>Not located</source>
   <translation>Nicht verortet</translation>
  </message>
  <message>
   <source>Note</source>
   <translation>Notiz</translation>
  </message>
  <message>
   <source>Nothing here explains the photo well; chance that it was taken elsewhere: {outside}. The best place inside, {place}, should not be relied on.</source>
   <translation>Nichts hier erklärt das Foto gut; Wahrscheinlichkeit, dass es anderswo entstand: {outside}. Auf den besten Ort darin, {place}, ist kein Verlass.</translation>
  </message>
  <message>
   <source>Number of squares</source>
   <translation>Anzahl der Quadrate</translation>
  </message>
  <message>
   <source>One photo at a time here: the first is taken. For many, or photos of one walk together, use the Processing algorithm Locate photos.</source>
   <translation>Hier ein Foto auf einmal: das erste wird genommen. Für viele, oder Fotos eines Weges gemeinsam, dient der Verarbeitungsalgorithmus Fotos verorten.</translation>
  </message>
  <message>
   <source>Only this area</source>
   <translation>Nur dieses Gebiet</translation>
  </message>
  <message>
   <source>Open a case</source>
   <translation>Einen Fall öffnen</translation>
  </message>
  <message>
   <source>Open a case...</source>
   <translation>Fall öffnen...</translation>
  </message>
  <message>
   <source>Open a photo</source>
   <translation>Ein Foto öffnen</translation>
  </message>
  <message>
   <source>Open an index (a .cvgl folder)</source>
   <translation>Einen Index öffnen (ein Ordner .cvgl)</translation>
  </message>
  <message>
   <source>Open another index...</source>
   <translation>Anderen Index öffnen...</translation>
  </message>
  <message>
   <source>Open the report: one page with everything, to pass on</source>
   <translation>Bericht öffnen: eine Seite mit allem, zum Weitergeben</translation>
  </message>
  <message>
   <source>Open...</source>
   <translation>Öffnen...</translation>
  </message>
  <message>
   <source>Orthophotos</source>
   <translation>Orthofotos</translation>
  </message>
  <message>
   <source>Other formats...</source>
   <translation>Andere Formate...</translation>
  </message>
  <message>
   <source>Paste</source>
   <translation>Einfügen</translation>
  </message>
  <message>
   <source>Paste a photo or its file from the clipboard</source>
   <translation>Ein Foto oder seine Datei aus der Zwischenablage einfügen</translation>
  </message>
  <message>
   <source>Photo</source>
   <translation>Foto</translation>
  </message>
  <message>
   <source>Photo from a layer</source>
   <translation>Foto aus einem Layer</translation>
  </message>
  <message>
   <source>Photo: drop one here, or press Enter to open one</source>
   <translation>Foto: hier ablegen, oder Eingabetaste zum Öffnen</translation>
  </message>
  <message>
   <source>Photos</source>
   <translation>Fotos</translation>
  </message>
  <message>
   <source>Photos located together</source>
   <translation>Gemeinsam verortete Fotos</translation>
  </message>
  <message>
   <source>Photos that failed</source>
   <translation>Gescheiterte Fotos</translation>
  </message>
  <message>
   <source>Photos with an answer</source>
   <translation>Fotos mit Antwort</translation>
  </message>
  <message>
   <source>Pixel</source>
   <translation>Pixel</translation>
  </message>
  <message>
   <source>Places</source>
   <translation>Orte</translation>
  </message>
  <message>
   <source>Placing the camera</source>
   <translation>Kamera platzieren</translation>
  </message>
  <message>
   <source>Position in the photo's EXIF</source>
   <translation>Position im EXIF des Fotos</translation>
  </message>
  <message>
   <source>Positions in the files are right to so many metres (empty: not used)</source>
   <translation>Positionen in den Dateien stimmen auf so viele Meter (leer: nicht verwendet)</translation>
  </message>
  <message>
   <source>Possible</source>
   <translation>Möglich</translation>
  </message>
  <message>
   <source>Question</source>
   <translation>Frage</translation>
  </message>
  <message>
   <source>Radius and heading</source>
   <translation>Radius und Blickrichtung</translation>
  </message>
  <message>
   <source>Reading the photo and the index</source>
   <translation>Foto und Index lesen</translation>
  </message>
  <message>
   <source>Reading...</source>
   <translation>Lesen...</translation>
  </message>
  <message>
   <source>Report</source>
   <translation>Bericht</translation>
  </message>
  <message>
   <source>Restart</source>
   <translation>Neu starten</translation>
  </message>
  <message>
   <source>Results cannot be written to {folder} ({reason}). Choose another folder in the settings.</source>
   <translation>Ergebnisse können nicht nach {folder} geschrieben werden ({reason}). In den Einstellungen einen anderen Ordner wählen.</translation>
  </message>
  <message>
   <source>Results go to</source>
   <translation>Ergebnisse nach</translation>
  </message>
  <message>
   <source>S</source>
   <translation>S</translation>
  </message>
  <message>
   <source>SE</source>
   <translation>SO</translation>
  </message>
  <message>
   <source>SW</source>
   <translation>SW</translation>
  </message>
  <message>
   <source>Save the case...</source>
   <translation>Fall speichern...</translation>
  </message>
  <message>
   <source>Save the case: name of its folder</source>
   <translation>Fall speichern: Name des Ordners</translation>
  </message>
  <message>
   <source>Save the pasted photo</source>
   <translation>Das eingefügte Foto speichern</translation>
  </message>
  <message>
   <source>Search area</source>
   <translation>Suchgebiet</translation>
  </message>
  <message>
   <source>Search options</source>
   <translation>Suchoptionen</translation>
  </message>
  <message>
   <source>Searching the index</source>
   <translation>Index durchsuchen</translation>
  </message>
  <message>
   <source>Set the field of view, then Locate</source>
   <translation>Bildwinkel angeben, dann Verorten</translation>
  </message>
  <message>
   <source>Starting the engine...</source>
   <translation>Rechenprogramm startet...</translation>
  </message>
  <message>
   <source>Stopped.</source>
   <translation>Angehalten.</translation>
  </message>
  <message>
   <source>Strong possibility</source>
   <translation>Sehr wahrscheinlich</translation>
  </message>
  <message>
   <source>Take the photo of a point in a layer</source>
   <translation>Das Foto eines Punkts in einem Layer nehmen</translation>
  </message>
  <message>
   <source>Takes the results of a folder (and of the folders in it), with the analyst's words and notes, and writes them as KML with a search grid coloured by probability, as a CSV table with a row per photo and links to the reports, as a GeoPackage, as GeoJSON (a file per photo, or one with a row per photo), as GeoParquet, or the search grid alone.

Coarse places: a place is told no closer than a square of the given side, and candidates, regions, heatmap and report are left out.</source>
   <translation>Nimmt die Ergebnisse eines Ordners (und der Ordner darin) mit den Worten und Notizen der Auswertenden und schreibt sie als KML mit einem nach Wahrscheinlichkeit gefärbten Suchraster, als CSV-Tabelle mit einer Zeile je Foto und Verweisen auf die Berichte, als GeoPackage, als GeoJSON (eine Datei je Foto, oder eine mit einer Zeile je Foto), als GeoParquet, oder nur das Suchraster.

Grobe Orte: ein Ort wird nicht genauer als ein Quadrat der angegebenen Seite genannt, und Kandidaten, Gebiete, Heatmap und Bericht bleiben weg.</translation>
  </message>
  <message>
   <source>The Python that cvgl is installed in</source>
   <translation>Das Python, in dem cvgl installiert ist</translation>
  </message>
  <message>
   <source>The clipboard holds no photo: copy an image or an image file first.</source>
   <translation>In der Zwischenablage ist kein Foto: zuerst ein Bild oder eine Bilddatei kopieren.</translation>
  </message>
  <message>
   <source>The engine cannot be loaded: {}</source>
   <translation>Das Rechenprogramm kann nicht geladen werden: {}</translation>
  </message>
  <message>
   <source>The engine cannot be started: {command} ({reason})</source>
   <translation>Das Rechenprogramm lässt sich nicht starten: {command} ({reason})</translation>
  </message>
  <message>
   <source>The engine cannot be started: {} ({}).</source>
   <translation>Das Rechenprogramm lässt sich nicht starten: {} ({}).</translation>
  </message>
  <message>
   <source>The engine cvgl {} speaks protocol {}, this plugin {}: install matching versions of both.</source>
   <translation>Das Rechenprogramm cvgl {} spricht Protokoll {}, diese Erweiterung {}: passende Versionen installieren.</translation>
  </message>
  <message>
   <source>The engine did not answer within {} s.</source>
   <translation>Das Rechenprogramm hat {} s lang nicht geantwortet.</translation>
  </message>
  <message>
   <source>The engine did not start within {} s.</source>
   <translation>Das Rechenprogramm ist nach {} s nicht gestartet.</translation>
  </message>
  <message>
   <source>The engine did not stop; starting it again...</source>
   <translation>Das Rechenprogramm hielt nicht an; Neustart...</translation>
  </message>
  <message>
   <source>The engine does not work:</source>
   <translation>Das Rechenprogramm läuft nicht:</translation>
  </message>
  <message>
   <source>The engine ended with exit code {}.</source>
   <translation>Das Rechenprogramm endete mit Code {}.</translation>
  </message>
  <message>
   <source>The engine in the settings does not exist: {}. Correct it there.</source>
   <translation>Das Rechenprogramm in den Einstellungen gibt es nicht: {}. Dort berichtigen.</translation>
  </message>
  <message>
   <source>The engine is still starting; the first start after a change takes long.</source>
   <translation>Das Rechenprogramm startet noch; der erste Start nach einer Änderung dauert.</translation>
  </message>
  <message>
   <source>The engine sent a line that is no message: {}</source>
   <translation>Das Rechenprogramm hat eine Zeile gesendet, die keine Nachricht ist: {}</translation>
  </message>
  <message>
   <source>The engine sent nonsense ({}).</source>
   <translation>Das Rechenprogramm hat Unsinn gesendet ({}).</translation>
  </message>
  <message>
   <source>The engine stopped unexpectedly (code {code}).</source>
   <translation>Das Rechenprogramm endete unerwartet (Code {code}).</translation>
  </message>
  <message>
   <source>The engine was killed or crashed (signal {}).</source>
   <translation>Das Rechenprogramm wurde beendet oder ist abgestürzt (Signal {}).</translation>
  </message>
  <message>
   <source>The engine was not found. Install it with: python3 -m venv ~/.cvgl/venv, then ~/.cvgl/venv/bin/pip install cvgl; or name its Python in the settings.</source>
   <translation>Das Rechenprogramm wurde nicht gefunden. Installieren mit: python3 -m venv ~/.cvgl/venv, dann ~/.cvgl/venv/bin/pip install cvgl; oder sein Python in den Einstellungen nennen.</translation>
  </message>
  <message>
   <source>The engine was started again.</source>
   <translation>Das Rechenprogramm wurde neu gestartet.</translation>
  </message>
  <message>
   <source>The engine was stopped.</source>
   <translation>Das Rechenprogramm wurde angehalten.</translation>
  </message>
  <message>
   <source>The engine works.</source>
   <translation>Das Rechenprogramm läuft.</translation>
  </message>
  <message>
   <source>The engine's command in the settings cannot be read: {}</source>
   <translation>Der Befehl des Rechenprogramms in den Einstellungen ist nicht lesbar: {}</translation>
  </message>
  <message>
   <source>The layer for the search area has no polygons with a known CRS.</source>
   <translation>Der Layer des Suchgebiets hat keine Polygone mit bekanntem KBS.</translation>
  </message>
  <message>
   <source>The layer {name} is no raster file on this computer; save it as a GeoTIFF first.</source>
   <translation>Der Layer {name} ist keine Rasterdatei auf diesem Rechner; zuerst als GeoTIFF speichern.</translation>
  </message>
  <message>
   <source>The photos are of one walk, in this order</source>
   <translation>Die Fotos sind von einem Weg, in dieser Reihenfolge</translation>
  </message>
  <message>
   <source>The project has no point layer.</source>
   <translation>Das Projekt hat keinen Punktlayer.</translation>
  </message>
  <message>
   <source>The request cannot be sent: {}</source>
   <translation>Die Anfrage kann nicht gesendet werden: {}</translation>
  </message>
  <message>
   <source>The scores are not calibrated for such a photo: read them as an order only.</source>
   <translation>Die Werte sind für solche Fotos nicht kalibriert: nur als Reihenfolge lesen.</translation>
  </message>
  <message>
   <source>There are no photos there.</source>
   <translation>Dort sind keine Fotos.</translation>
  </message>
  <message>
   <source>This photo cannot be used</source>
   <translation>Dieses Foto ist nicht verwendbar</translation>
  </message>
  <message>
   <source>Tiles</source>
   <translation>Kacheln</translation>
  </message>
  <message>
   <source>Turn the tile so that the photo looks upwards; else north is up</source>
   <translation>Kachel so drehen, dass das Foto nach oben blickt; sonst ist Norden oben</translation>
  </message>
  <message>
   <source>Unverified</source>
   <translation>Ungeprüft</translation>
  </message>
  <message>
   <source>Verified</source>
   <translation>Bestätigt</translation>
  </message>
  <message>
   <source>Version of the index</source>
   <translation>Version des Index</translation>
  </message>
  <message>
   <source>W</source>
   <translation>W</translation>
  </message>
  <message>
   <source>Waiting for the engine</source>
   <translation>Warten auf das Rechenprogramm</translation>
  </message>
  <message>
   <source>Weighing the evidence</source>
   <translation>Belege abwägen</translation>
  </message>
  <message>
   <source>What speaks for it, what against</source>
   <translation>Was dafür spricht, was dagegen</translation>
  </message>
  <message>
   <source>What the map shows has no place on Earth: zoom to the imagery and try again.</source>
   <translation>Der Kartenausschnitt liegt nirgends auf der Erde: auf die Bilder zoomen und erneut versuchen.</translation>
  </message>
  <message>
   <source>Write a report of each photo</source>
   <translation>Bericht zu jedem Foto schreiben</translation>
  </message>
  <message>
   <source>Writing the results</source>
   <translation>Ergebnisse schreiben</translation>
  </message>
  <message>
   <source>Written: {path}</source>
   <translation>Geschrieben: {path}</translation>
  </message>
  <message>
   <source>exact</source>
   <translation>genau</translation>
  </message>
  <message>
   <source>field of view unknown</source>
   <translation>Bildwinkel unbekannt</translation>
  </message>
  <message>
   <source>field of view {degrees}°</source>
   <translation>Bildwinkel {degrees}°</translation>
  </message>
  <message>
   <source>found by itself</source>
   <translation>selbst gefunden</translation>
  </message>
  <message>
   <source>from the photo</source>
   <translation>aus dem Foto</translation>
  </message>
  <message>
   <source>from the photo, if any</source>
   <translation>aus dem Foto, falls vorhanden</translation>
  </message>
  <message>
   <source>give or take</source>
   <translation>plus oder minus</translation>
  </message>
  <message>
   <source>heading unknown</source>
   <translation>Blickrichtung unbekannt</translation>
  </message>
  <message>
   <source>heading {degrees}°</source>
   <translation>Blickrichtung {degrees}°</translation>
  </message>
  <message>
   <source>not used</source>
   <translation>nicht verwendet</translation>
  </message>
  <message>
   <source>or a layer of photos</source>
   <translation>oder ein Layer mit Fotos</translation>
  </message>
  <message>
   <source>panorama</source>
   <translation>Panorama</translation>
  </message>
  <message>
   <source>photo</source>
   <translation>Foto</translation>
  </message>
  <message>
   <source>polygons of</source>
   <translation>Polygone von</translation>
  </message>
  <message>
   <source>probably within</source>
   <translation>wahrscheinlich innerhalb</translation>
  </message>
  <message>
   <source>rank {before} → {after}</source>
   <translation>Rang {before} → {after}</translation>
  </message>
  <message>
   <source>search only within</source>
   <translation>nur suchen innerhalb</translation>
  </message>
  <message>
   <source>set by hand</source>
   <translation>von Hand</translation>
  </message>
  <message>
   <source>settings</source>
   <translation>Einstellungen</translation>
  </message>
  <message>
   <source>unknown</source>
   <translation>unbekannt</translation>
  </message>
  <message>
   <source>version</source>
   <translation>Version</translation>
  </message>
  <message>
   <source>what the map shows</source>
   <translation>Kartenausschnitt</translation>
  </message>
  <message>
   <source>whole index</source>
   <translation>ganzer Index</translation>
  </message>
  <message>
   <source>{distance} from the place in its EXIF.</source>
   <translation>{distance} vom Ort in seinem EXIF.</translation>
  </message>
  <message>
   <source>{folder} holds the result itself: choose another.</source>
   <translation>{folder} enthält das Ergebnis selbst: anderen wählen.</translation>
  </message>
  <message>
   <source>{name} · {tiles} tiles, {gsd} m, {crs}</source>
   <translation>{name} · {tiles} Kacheln, {gsd} m, {crs}</translation>
  </message>
  <message>
   <source>{name}: opening...</source>
   <translation>{name}: wird geöffnet...</translation>
  </message>
  <message>
   <source>{path} cannot be written ({reason}): choose another folder.</source>
   <translation>{path} kann nicht geschrieben werden ({reason}): anderen Ordner wählen.</translation>
  </message>
  <message>
   <source>{path} cannot be written ({reason}): the judgement is not kept.</source>
   <translation>{path} kann nicht geschrieben werden ({reason}): das Urteil ist nicht gespeichert.</translation>
  </message>
  <message>
   <source>{path} cannot be written.</source>
   <translation>{path} kann nicht geschrieben werden.</translation>
  </message>
  <message>
   <source>{path} holds no layers of a case: choose the .gpkg of a saved one.</source>
   <translation>{path} enthält keine Layer eines Falls: die .gpkg eines gespeicherten wählen.</translation>
  </message>
  <message>
   <source>{path}: no such file, neither beside the layer nor beside the project.</source>
   <translation>{path}: keine solche Datei, weder beim Layer noch beim Projekt.</translation>
  </message>
  <message>
   <source>{place}. Probability {probability}; half of it within {near}, nine tenths within {far}.</source>
   <translation>{place}. Wahrscheinlichkeit {probability}; die Hälfte davon innerhalb von {near}, neun Zehntel innerhalb von {far}.</translation>
  </message>
  <message>
   <source>{span}: not seen</source>
   <translation>{span}: nicht zu sehen</translation>
  </message>
  <message>
   <source>{span}: {here} here</source>
   <translation>{span}: {here} hier</translation>
  </message>
  <message>
   <source>{there} elsewhere</source>
   <translation>{there} anderswo</translation>
  </message>
  <message>
   <source>{} It ended {} times in a row.</source>
   <translation>{} Es endete {}-mal hintereinander.</translation>
  </message>
  <message>
   <source>{} Starting it again...</source>
   <translation>{} Neustart...</translation>
  </message>
  <message>
   <source>{} holds no Python; name the folder of a virtual environment.</source>
   <translation>{} enthält kein Python; den Ordner einer virtuellen Umgebung nennen.</translation>
  </message>
 </context>
</TS>
